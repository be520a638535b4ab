import type { BuiltIn, JsonObject } from '@roomful/protocol'
import type { ConnectionRequest } from '../contracts/transport.js'
import type { AnyProtocol } from '../protocol.js'

/** The user of a connection. */
export interface User<D = unknown> {
  readonly id: string
  /** Shown to other members. */
  readonly profile?: JsonObject
  /** Data from `authenticate`; it stays on the server. */
  readonly data: D
}

/** The result of `authenticate`. */
export type Authentication<D = unknown> =
  | {
      /** 1 to 256 characters. It must not begin with `@`, which is reserved for ids that are not users'. */
      readonly userId: string
      /** When the authentication expires: a `Date`, or ms since 1970 (for a JWT: `exp * 1000`). @default never */
      readonly expiresAt?: Date | number
      /** JSON shown to other members in member lists. */
      readonly profile?: JsonObject
      /** Any data that handlers need about the user. */
      readonly data?: D
    }
  /** There is no such user: the connection is closed with 4500. */
  | null
  /** The token has expired: the connection is closed with 4004, and the client fetches a fresh one. */
  | { readonly refused: 'expired' }

export interface AuthenticationRequest {
  /** From the `auth` frame or the `token` query parameter. */
  readonly token: string | undefined
  readonly request: ConnectionRequest
}

/**
 * The action that a user requests: a built-in one, or the name of an application's message. `chat_message` is also the
 * action of edits and deletions. `watch` is asked for each room whose unread messages a client wants to follow without
 * joining it, and again every five minutes. `moderate` is asked in addition if the message to change is somebody else's; without
 * `authorize`, it is denied.
 */
export type Action<P extends AnyProtocol = BuiltIn> =
  | 'join'
  | 'history'
  | 'watch'
  | 'chat_message'
  | 'moderate'
  | 'presence'
  | (keyof P['client'] & string)

export interface AuthorizationRequest<P extends AnyProtocol = BuiltIn, D = unknown> {
  readonly user: User<D>
  readonly action: Action<P>
  readonly roomId: string
}
