import type { OwnReactions, UsersPage } from '../../api/contracts/backplane.js'
import type { NotedReaction, Reacted } from './reactions.js'

/** What one noted reaction costs in memory in addition to its texts. */
const OVERHEAD = 200

/**
 * Who reacted to the messages of one log. A reaction that was taken back stays noted for as long as the log has the entry
 * that says so: that entry answers whoever takes it back again.
 */
export class Reactors {
  /** By the offset of the message, and then by user and reaction, in the order of the entries that made them. */
  readonly #messages = new Map<number, Map<string, NotedReaction>>()
  #bytes = 0

  /** The memory that they take. */
  get bytes(): number {
    return this.#bytes
  }

  find(target: number, userId: string, reaction: string): Reacted | undefined {
    return this.#messages.get(target)?.get(nameOf(userId, reaction))
  }

  /** @param oldestOffset that of the log: what entries before it took back is forgotten */
  note(target: number, noted: NotedReaction, oldestOffset: number): void {
    const message = this.#messages.get(target) ?? new Map<string, NotedReaction>()
    this.#messages.set(target, message)
    const name = nameOf(noted.userId, noted.reaction)
    this.#remove(message, name)
    message.set(name, noted)
    this.#bytes += bytesOf(noted)
    if (noted.isOn) return
    for (const [known, { isOn, madeAt }] of message) {
      if (madeAt >= oldestOffset) return
      if (!isOn) this.#remove(message, known)
    }
  }

  /** The message is gone, or has no reactions any more. */
  drop(target: number): void {
    for (const noted of this.#messages.get(target)?.values() ?? []) this.#bytes -= bytesOf(noted)
    this.#messages.delete(target)
  }

  /** Forgets what a user reacted to a message; returns what was noted. */
  forget(target: number, userId: string): readonly NotedReaction[] {
    const message = this.#messages.get(target) ?? new Map<string, NotedReaction>()
    const noted = [...message.values()].filter((one) => one.userId === userId)
    for (const { reaction } of noted) this.#remove(message, nameOf(userId, reaction))
    return noted
  }

  /** The messages of which something is noted of a user, in the order of the log. */
  targetsOf(userId: string): readonly number[] {
    const isOf = (message: Map<string, NotedReaction>) =>
      [...message.values()].some((noted) => noted.userId === userId)
    const found = [...this.#messages].filter(([, message]) => isOf(message)).map(([target]) => target)
    return found.sort((a, b) => a - b)
  }

  users(target: number, reaction: string, page: UsersPage) {
    return usersPage(this.#messages.get(target)?.values() ?? [], reaction, page)
  }

  of(userId: string, targets: readonly number[]): readonly OwnReactions[] {
    return targets.flatMap((offset) => ownOf(offset, this.#messages.get(offset)?.values() ?? [], userId))
  }

  #remove(message: Map<string, NotedReaction>, name: string): void {
    const known = message.get(name)
    if (!known) return
    message.delete(name)
    this.#bytes -= bytesOf(known)
  }
}

/** One page of who reacted in one way, of what is noted in the order of the log. */
export function usersPage(
  noted: Iterable<NotedReaction>,
  reaction: string,
  { after, limit }: UsersPage,
): { readonly users: readonly string[]; readonly next: number | undefined } {
  const users: string[] = []
  let last = after
  for (const one of noted) {
    if (!one.isOn || one.reaction !== reaction || one.madeAt <= after) continue
    if (users.length === limit) return { users, next: last }
    users.push(one.userId)
    last = one.madeAt
  }
  return { users, next: undefined }
}

/** What a user reacted to one message, if anything. */
export function ownOf(offset: number, noted: Iterable<NotedReaction>, userId: string): OwnReactions[] {
  const own = [...noted].filter((one) => one.isOn && one.userId === userId)
  return own.length === 0 ? [] : [{ offset, reactions: own.map(({ reaction }) => reaction) }]
}

/** No reaction contains a line feed. */
const nameOf = (userId: string, reaction: string): string => `${reaction}\n${userId}`

const bytesOf = ({ userId, reaction }: NotedReaction): number =>
  OVERHEAD + 2 * (userId.length + reaction.length)
