import { Oracle, type Place, type Seen } from '../sim/oracle.js'

interface Segment {
  readonly entries: Seen[]
  /** Why the viewer was told that it ended; `undefined` for the present one. */
  reason?: string
}

/**
 * Judges a log that may lose acknowledged entries and give their offsets away again. What is left of it is the truth:
 * whoever saw anything else must have been told.
 */
export class ForkOracle extends Oracle {
  readonly #views = new Map<string, Segment[]>()
  readonly #acked = new Map<string, Place & { readonly room: string; readonly sender: string }>()
  readonly #senders = new Map<string, { readonly room: string; readonly sender: string }>()
  readonly #final = new Map<string, Seen>()

  constructor() {
    super({ historyCount: Number.POSITIVE_INFINITY, refusals: new Set() })
  }

  override handed(clientId: string, message: Parameters<Oracle['handed']>[1]): void {
    this.#senders.set(clientId, message)
  }

  override acked(clientId: string, at: Place): void {
    this.ackCount++
    const sender = this.#senders.get(clientId)
    if (sender) this.#acked.set(clientId, { ...at, ...sender })
    this.#senders.delete(clientId)
  }

  override refused(clientId: string, code: string): void {
    this.fail(`needless refusal: '${code}' of ${JSON.stringify(this.#senders.get(clientId))}`)
    this.#senders.delete(clientId)
  }

  override saw(viewer: string, room: string, entry: Seen): void {
    this.entriesSeen++
    this.#view(viewer, room).at(-1)?.entries.push(entry)
  }

  override broke(viewer: string, room: string, reason: string): void {
    this.breaks++
    const view = this.#view(viewer, room)
    const last = view.at(-1)
    if (last) last.reason = reason
    view.push({ entries: [] })
  }

  override logged(room: string, entry: Seen): void {
    this.#final.set(placeOf(room, entry), entry)
  }

  /** Messages that were acknowledged and are not where they were said to be. */
  get lost(): readonly { readonly clientId: string; readonly room: string; readonly sender: string }[] {
    return [...this.#acked]
      .filter(([, at]) => this.#final.get(placeOf(at.room, at))?.id !== at.id)
      .map(([clientId, { room, sender }]) => ({ clientId, room, sender }))
  }

  override check(): void {
    for (const [, { room, sender }] of this.#senders) this.fail(`untold: ${sender} in ${room}`)
    for (const [key, view] of this.#views) this.#checkView(key, view)
  }

  /** Viewers who were told of a fork. */
  get viewersTold(): number {
    return [...this.#views.values()].filter((view) => view.some(({ reason }) => reason === 'forked')).length
  }

  #view(viewer: string, room: string): Segment[] {
    const key = `${viewer} ${room}`
    const view = this.#views.get(key) ?? [{ entries: [] }]
    this.#views.set(key, view)
    return view
  }

  #checkView(key: string, view: readonly Segment[]): void {
    const room = key.split(' ')[1] ?? ''
    for (const { entries, reason } of view) {
      for (const [index, entry] of entries.entries()) {
        const before = entries[index - 1]
        if (before && (before.epoch !== entry.epoch || before.offset + 1 !== entry.offset))
          this.fail(`untold hole: ${key} saw ${entry.offset} after ${before.offset}`)
      }
      const gone = entries.filter((entry) => this.#final.get(placeOf(room, entry))?.id !== entry.id)
      if (gone.length > 0 && reason === undefined)
        this.fail(`untold fork: ${key} saw '${gone[0]?.text}' at ${gone[0]?.offset}, which is gone`)
      if (gone.length === 0 && reason === 'forked')
        this.fail(`false alarm: ${key} was told of a fork, and nothing that it saw is gone`)
    }
  }
}

function placeOf(room: string, { epoch, offset }: Pick<Seen, 'epoch' | 'offset'>): string {
  return `${room} ${epoch} ${offset}`
}
