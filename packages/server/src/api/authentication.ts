import type { BuiltIn, JsonObject } from '@roomful/protocol'
import type { AnyProtocol } from './protocol.js'
import type { ConnectionRequest } from './transport.js'

/** Who is on a connection. */
export interface User<D = unknown> {
  readonly id: string
  /** Shown to other members. */
  readonly profile?: JsonObject
  /** What `authenticate` knows of the user; it stays on the server. */
  readonly data: D
}

/** What `authenticate` says of a token. */
export type Authentication<D = unknown> =
  | {
      /** Of 1 to 256 characters, and not beginning with `@`, which names what is no user's. */
      readonly userId: string
      /** When the authentication ends: a `Date`, or ms since 1970 (of a JWT: `exp * 1000`). @default never */
      readonly expiresAt?: Date | number
      /** JSON shown to other members in member lists. */
      readonly profile?: JsonObject
      /** Whatever handlers want to know of the user. */
      readonly data?: D
    }
  /** No such user: the connection is closed with 4500. */
  | null
  /** The token was good once: the connection is closed with 4004, and the client fetches a fresh one. */
  | { readonly refused: 'expired' }

export interface AuthenticationRequest {
  /** From the `auth` frame or the `token` query parameter. */
  readonly token: string | undefined
  readonly request: ConnectionRequest
}

/** What a user asks to do: a built-in action or the name of an application's message. */
export type Action<P extends AnyProtocol = BuiltIn> =
  | 'join'
  | 'history'
  | 'chat_message'
  | 'presence'
  | (keyof P['client'] & string)

export interface AuthorizationRequest<P extends AnyProtocol = BuiltIn, D = unknown> {
  readonly user: User<D>
  readonly action: Action<P>
  readonly roomId: string
}
