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
  /** The offset from which on entries change `own`: a live message may bring later counts, but never whose they are. */
  readonly ownVersion: number
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
    for (const [name, state] of this.#states) this.#states.set(name, { ...state, version: 0, ownVersion: 0 })
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
    const isLive = epoch === undefined
    const own = isLive ? (known?.own ?? []) : inPage
    const ownVersion = isLive ? (known?.ownVersion ?? 0) : state.version
    this.#states.set(nameOf(message), { ...state, own, ownVersion })
  }

  #count(entry: ReactionEntry): void {
    const { epoch, offset, target, user_id } = entry
    const name = nameOf({ epoch, id: target.id })
    const known = this.#states.get(name)
    if (!known) return
    const isCounted = offset <= known.version
    const isMine = user_id === this.me() && offset > known.ownVersion
    if (isCounted && !isMine) return
    const version = Math.max(offset, known.version)
    const ownVersion = isMine ? offset : known.ownVersion
    if (entry.type === 'reactions_erased') {
      const counts = isCounted ? known.counts : entry.reactions
      this.#states.set(name, { version, counts, own: isMine ? [] : known.own, ownVersion })
      return
    }
    const { reaction, deleted } = entry
    // Its user was erased: a later entry says what the message has.
    if (deleted) return
    const isAdded = entry.type === 'reaction_added'
    const counts = isCounted ? known.counts : changedBy(known.counts, reaction, isAdded)
    const own = isMine ? changedOwn(known.own, reaction, isAdded) : known.own
    this.#states.set(name, { version, counts, own, ownVersion })
  }
}

const COUNTED: readonly string[] = [
  'reaction_added',
  'reaction_removed',
  'reactions_erased',
] satisfies ReactionEntry['type'][]

function changedOwn(own: readonly string[] = [], reaction: string, isAdded: boolean): readonly string[] {
  const others = own.filter((one) => one !== reaction)
  return isAdded ? [...others, reaction] : others
}

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
  return { version, counts, own: [], ownVersion: version }
}

function nameOf({ epoch, id }: Pick<Loggable, 'epoch' | 'id'>): string {
  return `${epoch} ${id}`
}
