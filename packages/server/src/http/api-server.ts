import type { JsonObject } from '@roomful/protocol'
import type { HistoryOptions, PublishOptions, RoomInfo } from '../api/api.js'
import type { Position } from '../api/contracts/backplane.js'

/** A type alias, so that it counts as a record too. */
type LoggedMessage = {
  readonly type: string
  readonly room_id: string
  readonly id: string
  readonly epoch: string
  readonly offset: number
}

interface LogHandle {
  publish(message: { readonly type: string }, options?: PublishOptions): Promise<Position>
}

interface RoomOfServer extends LogHandle {
  readonly chat: { send(text: string, options?: ChatOfServer): Promise<Position> }
  kick(userId: string): void
  info(): Promise<RoomInfo>
  history(options?: HistoryOptions): Promise<{
    readonly messages: readonly LoggedMessage[]
    readonly more: boolean
    readonly truncated: boolean
  }>
}

interface ChatOfServer extends PublishOptions {
  readonly as?: string
  readonly data?: JsonObject
}

interface UserOfServer extends LogHandle {
  disconnect(code?: number, reason?: string): void
}

/** The part of a server that the API needs. Messages have no static types here: the server checks them. */
export interface ApiServer {
  room(id: string): RoomOfServer
  user(id: string): UserOfServer
}
