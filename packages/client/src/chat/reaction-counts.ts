import { isChat, type ReactionEntry } from '../room/amendment.js'
import { type Coverage, type Loggable, Place } from '../room/loggable.js'

/** How many users reacted to a message in one way, and whether this user did. */
export interface Reaction {
  readonly reaction: string
  readonly count: number
  readonly own?: true
}

type Count = Pick<Reaction, 'reaction' | 'count'>

/** What is known of the reactions to a message. A change makes a new object. */
export interface ReactionState {
  /** The offset of the last amendment that is counted. */
  readonly version: number
  readonly counts: readonly Count[]
  /** This user's; `undefined` as long as nothing has said which. */
  readonly own: readonly string[] | undefined
}

/** Counts the reactions to the messages of a room, from the pages and entries that arrive in any order. */
export class ReactionCounts {
  readonly #states = new Map<string, ReactionState>()

  constructor(private readonly me: () => string | undefined) {}

  /** A message that has been shown before anybody counted. */
  shown(message: Loggable): void {
    if (isChat(message)) this.#states.set(nameOf(message), { ...stateOf(message), own: undefined })
  }

  received(entries: readonly (Loggable | Place)[], page: Coverage): void {
    for (const entry of entries) {
      if (entry instanceof Place) continue
      if (isChat(entry)) this.#read(entry, page)
      else if (COUNTED.includes(entry.type)) this.#count(entry as ReactionEntry)
    }
  }

  /** After a fork, the next state that is read counts, whatever its version. */
  forked(): void {
    for (const [name, state] of this.#states) this.#states.set(name, { ...state, version: 0 })
  }

  of(message: Loggable): ReactionState | undefined {
    return this.#states.get(nameOf(message))
  }

  /** Forgets all messages but these. */
  keep(messages: readonly Loggable[]): void {
    const names = new Set(messages.map(nameOf))
    for (const name of this.#states.keys()) if (!names.has(name)) this.#states.delete(name)
  }

  get size(): number {
    return this.#states.size
  }

  clear(): void {
    this.#states.clear()
  }

  /** Only a page tells the user's own; nobody has reacted yet to what arrives live. */
  #read(message: Loggable, { epoch, own_reactions: tail = [] }: Coverage): void {
    const state = stateOf(message)
    const known = this.of(message)
    if (known && state.version < known.version) return
    const inPage = tail.find(({ offset }) => offset === message.offset)?.reactions ?? []
    this.#states.set(nameOf(message), { ...state, own: epoch === undefined ? (known?.own ?? []) : inPage })
  }

  #count(entry: ReactionEntry): void {
    const { epoch, offset, target, user_id } = entry
    const name = nameOf({ epoch, id: target.id })
    const known = this.#states.get(name)
    if (!known || offset <= known.version) return
    const { counts, own } = known
    const isMine = user_id === this.me()
    if (entry.type === 'reactions_erased') {
      this.#states.set(name, { version: offset, counts: entry.reactions, own: isMine ? [] : own })
      return
    }
    const { reaction, deleted } = entry
    // Its user was erased: a later entry says what the message has.
    if (deleted) return
    const isAdded = entry.type === 'reaction_added'
    const mine = isMine ? (own ?? []).filter((one) => one !== reaction) : own
    this.#states.set(name, {
      version: offset,
      counts: changedBy(counts, reaction, isAdded),
      own: isMine && isAdded ? [...(mine ?? []), reaction] : mine,
    })
  }
}

const COUNTED: readonly string[] = [
  'reaction_added',
  'reaction_removed',
  'reactions_erased',
] satisfies ReactionEntry['type'][]

/** What was added first comes first. */
export function changedBy(counts: readonly Count[], reaction: string, isAdded: boolean): readonly Count[] {
  const known = counts.some((count) => count.reaction === reaction) || !isAdded
  return (known ? counts : [...counts, { reaction, count: 0 }])
    .map((one) => (one.reaction === reaction ? { reaction, count: one.count + (isAdded ? 1 : -1) } : one))
    .filter(({ count }) => count > 0)
}

function stateOf(message: Loggable): ReactionState {
  const { version = 0, reactions: counts = [] } = message as {
    readonly version?: number
    readonly reactions?: readonly Count[]
  }
  return { version, counts, own: [] }
}

function nameOf({ epoch, id }: Pick<Loggable, 'epoch' | 'id'>): string {
  return `${epoch} ${id}`
}
