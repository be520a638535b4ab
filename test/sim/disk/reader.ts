import type { Change } from '@roomful/server'
import type { TestServer } from '@roomful/server/testing'
import type { Surroundings } from '../person.js'
import type { SimProtocol } from '../protocol.js'
import type { Random } from '../random.js'
import { seen } from '../seen.js'
import type { Witness } from './witness.js'

/** Small batches, which faults cut off, and a short back-off, because the world is short. */
const OPTIONS = { batch: 10, retryMs: 4_000 }
/** Whether it may read ahead of a room whose handler takes its time. */
const AHEAD = [0, 30]
const MOST_MS = 200

/**
 * An application that reads all rooms by `consume`: it has to get each entry at least once, and each after the one before
 * it in its log, over all restarts.
 */
export class Reader {
  /** Changes that were handled, repeats included. */
  count = 0
  readonly #handled = new Set<string>()
  /** Rooms that may go on behind a hole, because the reader was told that it missed something. */
  readonly #mayMiss = new Set<string>()
  /** Rooms in which nothing was handled since the store lost its newest entries, and perhaps the reader's first position. */
  readonly #mayBegin = new Set<string>()

  constructor(
    private readonly world: Surroundings,
    private readonly witness: Witness,
    private readonly random: Random,
    /** Whether old entries are dropped, which may overtake a reader. */
    private readonly isForgetful: boolean,
  ) {}

  /** Reads while its process lives. It takes its time, and fails now and then. */
  read({ server }: TestServer<SimProtocol>, isAlive: () => boolean): void {
    const { clock } = this.world
    server.consume(
      'reader',
      async (changes, { missed }) => {
        await new Promise<void>((resolve) => clock.after(this.random.between(0, MOST_MS), resolve))
        // What a dead process was about to do, it never does.
        if (!isAlive()) return new Promise(() => {})
        if (!this.world.isOver() && this.random.next() < 0.05) throw new Error('The search index is away')
        this.#take(changes, missed)
      },
      { ...OPTIONS, ahead: this.random.pick(AHEAD) },
    )
  }

  /** An old backup may not know the reader, which then begins with the oldest entries that are left. */
  restored(): void {
    if (this.isForgetful) for (const room of this.world.rooms) this.#mayBegin.add(room)
  }

  /** At the end, nothing is left that it did not get. */
  check(): void {
    for (const room of this.world.rooms)
      for (const { id, text } of this.witness.logOf(room))
        if (!this.#handled.has(id))
          this.world.oracle.fail(`lost: the consumer never got '${text}' of ${room}`)
  }

  #take(changes: readonly Change<SimProtocol>[], missed: boolean): void {
    const { oracle, rooms } = this.world
    if (missed && !this.isForgetful) oracle.fail('false alarm: the consumer is told that it missed changes')
    if (missed) for (const room of rooms) this.#mayMiss.add(room)
    this.count += changes.length
    for (const change of changes) this.#handle(change)
  }

  #handle({ roomId, message, position }: Change<SimProtocol>): void {
    const { offset, id } = position
    const entry = seen({ ...message, ...position })
    this.world.oracle.checkReal('the consumer', roomId, entry)
    const before = this.witness.logOf(roomId)[offset - 2]
    if (before && !this.#handled.has(before.id)) this.#skip(roomId, offset, entry.text)
    this.#handled.add(id)
    this.#mayBegin.delete(roomId)
  }

  #skip(room: string, offset: number, text: string): void {
    if (!this.#mayMiss.delete(room) && !this.#mayBegin.has(room))
      this.world.oracle.fail(`silent hole: the consumer got '${text}' of ${room} without the one before it`)
    for (const { id } of this.witness.logOf(room).slice(0, offset - 1)) this.#handled.add(id)
  }
}
