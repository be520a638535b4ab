import type { JsonObject, Target } from '@roomful/protocol'
import type {
  DeleteOptions,
  HistoryOptions,
  HistoryPage,
  ListOptions,
  Published,
  PublishOptions,
  ReactOptions,
  RestrictionList,
  RestrictionOptions,
  RoomInfo,
  RoomList,
  Snapshot,
  SnapshotOptions,
} from '../api/api.js'

/** A type alias, so that it counts as a record too. */
type LoggedMessage = {
  readonly type: string
  readonly room_id: string
  readonly id: string
  readonly epoch: string
  readonly offset: number
}

type Untyped<Page> = Omit<Page, 'messages'> & { readonly messages: readonly LoggedMessage[] }

interface LogHandle {
  publish(message: { readonly type: string }, options?: PublishOptions): Promise<Published>
}

interface RoomOfServer extends LogHandle {
  readonly chat: {
    send(text: string, options?: ChatOfServer): Promise<Published>
    edit(target: Target, text: string, options?: EditOfServer): Promise<Published>
    delete(target: Target, options?: DeleteOptions): Promise<Published>
    react(target: Target, reaction: string, options?: ReactOptions): Promise<Published>
    unreact(target: Target, reaction: string, options?: ReactOptions): Promise<Published>
  }
  kick(userId: string): void
  mute(userId: string, options?: RestrictionOptions): Promise<void>
  unmute(userId: string): Promise<void>
  ban(userId: string, options?: RestrictionOptions): Promise<void>
  unban(userId: string): Promise<void>
  listRestrictions(options?: ListOptions): Promise<RestrictionList>
  info(): Promise<RoomInfo>
  history(options?: HistoryOptions): Promise<Untyped<HistoryPage>>
  snapshot(options: SnapshotOptions): Promise<Untyped<Snapshot>>
}

interface EditOfServer extends DeleteOptions {
  readonly data?: JsonObject
}

interface ChatOfServer extends EditOfServer {
  readonly replyTo?: Target
  readonly mentions?: readonly string[]
}

interface UserOfServer extends LogHandle {
  disconnect(code?: number, reason?: string): void
}

/** The part of a server that the API needs. Messages have no static types here: the server checks them. */
export interface ApiServer {
  room(id: string): RoomOfServer
  user(id: string): UserOfServer
  ban(userId: string, options?: RestrictionOptions): Promise<void>
  unban(userId: string): Promise<void>
  listRestrictions(options?: ListOptions): Promise<RestrictionList>
  listRooms(options?: ListOptions): Promise<RoomList>
}
