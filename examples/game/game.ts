export type Mark = 'x' | 'o'

const MARKS = ['x', 'o'] as const
const LINES = ['012', '345', '678', '036', '147', '258', '048', '246'].map((line) => [...line].map(Number))

/** The rules of tic-tac-toe for two players. It knows nothing of rooms. */
export class Game {
  readonly #players: string[] = []
  readonly #cells = new Map<number, Mark>()

  /** Gives a player a seat, or finds the one it has. False if both are taken by others. */
  seat(player: string): boolean {
    if (this.#players.includes(player)) return true
    return this.#players.length < 2 && this.#players.push(player) > 0
  }

  /** Returns the mark that was set; `undefined` for an illegal move. */
  move(player: string, cell: number): Mark | undefined {
    const turn = this.#cells.size % 2
    const mark = MARKS[turn]
    if (this.result || this.#players[turn] !== player || this.#cells.has(cell)) return undefined
    if (mark) this.#cells.set(cell, mark)
    return mark
  }

  get result(): 'won' | 'drawn' | undefined {
    const isWon = MARKS.some((mark) =>
      LINES.some((line) => line.every((cell) => this.#cells.get(cell) === mark)),
    )
    if (isWon) return 'won'
    return this.#cells.size === 9 ? 'drawn' : undefined
  }
}
