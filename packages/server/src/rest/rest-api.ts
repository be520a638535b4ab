import type { BuiltIn, Publishable } from '@roomful/protocol'
import type {
  AnyProtocol,
  ListOptions,
  Published,
  PublishOptions,
  RestrictionList,
  RestrictionOptions,
  RoomHandle,
  RoomInfo,
  RoomList,
  Snapshot,
} from '../api/api.js'
import type { PresentUser } from '../api/contracts/backplane.js'

export interface RestOptions<P extends AnyProtocol = BuiltIn> {
  /** Where the HTTP API is mounted, such as `https://example.com/api`. Redirects are not followed. */
  readonly url: string
  /** The key of the API, sent as `Authorization: Bearer KEY`. It allows everything, so it must not reach a browser. */
  readonly key: string | undefined
  /** Gives types to what is published and read. The server checks the messages. @default only the built-in messages */
  readonly protocol?: P
  /**
   * How often a read or a publish is repeated if the API does not answer, or answers with 429, 502, 503 or 504. The waits
   * grow from 0.25 s, or last as long as the server asks. If it asks for more than 10 s, the call rejects at once.
   * @default 3
   */
  readonly retries?: number
  /** Time limit for the answer to each attempt, in ms. @default 10_000 */
  readonly timeoutMs?: number
  /** Largest answer that is read, in bytes; a larger one is the error `too_large`. @default 16 MiB */
  readonly answerBytes?: number
  /** Makes the requests. @default the global `fetch` */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

/**
 * A server's rooms, over its HTTP API. Every call rejects with a `RoomfulError` if the API refuses it or does not answer:
 * `unavailable` means that the same call is safe to repeat, `outcome_unknown` that it may have been carried out.
 */
export interface Rest<P extends AnyProtocol = BuiltIn> {
  /** @throws RoomfulError `invalid_room`, also for `.` and `..`, which no URL can name */
  room(id: string): RestRoom<P>
  /** @throws TypeError if this is not a user id; also for `.` and `..`, which no URL can name */
  user(id: string): RestUser<P>
  /** Like the server's own: bans a user from the whole server. */
  ban(userId: string, options?: RestrictionOptions): Promise<void>
  unban(userId: string): Promise<void>
  /** Lists who is banned from the whole server now, page by page. */
  listRestrictions(options?: ListOptions): Promise<RestrictionList>
  /** Lists the rooms with members on the node that answers. */
  listRooms(options?: ListOptions): Promise<RoomList>
}

/** Like the server's own handle of a room. */
export interface RestRoom<P extends AnyProtocol = BuiltIn>
  extends Pick<
    RoomHandle<P>,
    'id' | 'chat' | 'publish' | 'history' | 'mute' | 'unmute' | 'ban' | 'unban' | 'listRestrictions'
  > {
  info(): Promise<RestRoomInfo>
  members(): Promise<RoomMembers>
  /** Like the server's own, but `as` is only a user's id: `authorize` gets no `data`. */
  snapshot(options: { readonly as: string; readonly limit?: number }): Promise<Snapshot<P>>
  /** Removes a user's connections from the room, on every node. They may join again if `authorize` allows it. */
  kick(userId: string): Promise<void>
}

export type RestRoomInfo = Pick<RoomInfo, 'roomId' | 'count' | 'head'>

export interface RoomMembers {
  /** Distinct users, including those in their grace period. */
  readonly count: number
  /** The users, if there are at most `limits.listedMembers`; `undefined` in a larger room. */
  readonly members: readonly PresentUser[] | undefined
}

/** Like the server's own handle of a user. */
export interface RestUser<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  publish(message: Publishable<P>, options?: PublishOptions): Promise<Published>
  /** Closes every connection of the user, on every node. @default 4501 */
  disconnect(code?: number, reason?: string): Promise<void>
}
