import type { Member, ServerMessageOf } from '@roomful/protocol'
import { type Report, Value } from '../runtime/observable.js'

/** The users in a room and their state, in rooms of up to 200 users; in larger rooms only their number is known. */
export class MemberList {
  readonly list: Value<readonly Member[]>
  /** How many users are in the room. */
  readonly occupancy: Value<number>
  #version: number | undefined

  constructor(report: Report, watched?: () => void) {
    this.list = new Value<readonly Member[]>([], report, watched)
    this.occupancy = new Value(0, report, watched)
  }

  get isWatched(): boolean {
    return this.list.isWatched || this.occupancy.isWatched
  }

  /** A list that is left out is unchanged: this side already has that version. */
  joined({ members, count, presence_version }: ServerMessageOf<'joined'>): void {
    const isKnown =
      members === undefined && presence_version !== undefined && presence_version === this.#version
    if (!isKnown) this.list.set(members ?? [])
    this.#version = presence_version
    this.occupancy.set(count ?? this.list.get().length)
  }

  moved({ type, user_id, count }: ServerMessageOf<'user_joined' | 'user_left'>): void {
    this.occupancy.set(count)
    if (user_id === undefined || this.#version === undefined) return
    if (type === 'user_left') this.#remove(user_id)
    else if (!this.list.get().some((member) => member.user_id === user_id)) this.#put({ user_id })
  }

  /** Returns false if an earlier change was missed. */
  changed({ version, event, members }: ServerMessageOf<'presence'>): boolean {
    if (event === 'snapshot') this.list.set(members)
    else {
      if (this.#version === undefined || version <= this.#version) return true
      if (version > this.#version + 1) return false
      for (const member of members) {
        if (event === 'leave') this.#remove(member.user_id)
        else this.#put(member)
      }
    }
    this.#version = version
    // The list is complete, so its length is the count, even if a notice with the count gets lost.
    this.occupancy.set(this.list.get().length)
    return true
  }

  reset(): void {
    this.#version = undefined
    this.list.set([])
    this.occupancy.set(0)
  }

  #put(member: Member): void {
    const list = this.list.get()
    const index = list.findIndex(({ user_id }) => user_id === member.user_id)
    this.list.set(index < 0 ? [...list, member] : list.with(index, member))
  }

  #remove(user: string): void {
    this.list.set(this.list.get().filter(({ user_id }) => user_id !== user))
  }
}
