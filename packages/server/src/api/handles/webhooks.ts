import type { BuiltIn } from '@roomful/protocol'
import type { AnyProtocol } from '../protocol.js'
import type { ChangesStart } from './changes.js'
import type { LogAmendment, LogMessage } from './log-message.js'

/**
 * The types of logged messages, and the volatile events of rooms: the first connection of a user joined, the last one left,
 * and nobody is left.
 */
export type WebhookEvent<P extends AnyProtocol = BuiltIn> =
  | 'user_joined'
  | 'user_left'
  | 'room_emptied'
  | LoggedType<P>

type LoggedType<P extends AnyProtocol> = LogMessage<P> | LogAmendment<P> extends infer M
  ? M extends { readonly type: infer T extends string }
    ? T
    : never
  : never

/** Where logged messages are sent, as requests that are signed as Standard Webhooks describes. */
export interface WebhookEndpoint<P extends AnyProtocol = BuiltIn> {
  /**
   * Receives the requests. `https:`, or `http:` on this machine (see `insecure`), without a user or a password.
   * `undefined`, from a variable that is not set, is a TypeError, as it is for `secret`.
   */
  readonly url: string | undefined
  /**
   * Signs the requests: `whsec_` and 24 to 64 bytes in base64. Make one with `echo whsec_$(openssl rand -base64 32)`.
   * With several, each request has a signature of each, so that a receiver can change its secret.
   */
  readonly secret: string | readonly string[] | undefined
  /**
   * What is sent. Logged messages are sent until they are accepted; events of rooms are tried three times, and lost when
   * the server ends. @default all messages that are logged
   */
  readonly events?: readonly WebhookEvent<P>[]
  /**
   * The name under which the backplane stores how far the endpoint got, and which logs and metrics show. Up to 100
   * characters. With a name, the endpoint continues where it was even if its `url` changes.
   * @default the url; logs and metrics show its origin and a hash, since the path may be a secret
   */
  readonly name?: string
  /** Where to begin if nothing is stored about the endpoint. @default 'now' */
  readonly from?: ChangesStart
  /** Allows `http:` to other machines, which lets everybody on the way read the messages. @default false */
  readonly insecure?: boolean
  /** Maximum number of requests at the same time; those of one room are never sent at the same time. @default 8 */
  readonly concurrency?: number
  /** Time limit for a response, in ms. @default 15_000 */
  readonly timeoutMs?: number
  /** Longest wait before a message is sent again, in ms. The wait begins with about 1 s and doubles. @default 300_000 */
  readonly retryMs?: number
  /**
   * Age at which a message is given up, in ms, once five requests from this node have failed. Messages after it in its
   * room wait for as long. @default 86_400_000, a day
   */
  readonly giveUpMs?: number
  /**
   * Called before a message is given up. If it throws or rejects, the message is not given up, and is sent again.
   * @default a line in the log
   */
  readonly onDeadLetter?: (letter: DeadLetter) => void | PromiseLike<void>
}

/** The body of a request. */
export interface WebhookBody {
  readonly type: string
  /** When the message was logged, in ISO 8601. */
  readonly timestamp: string
  /** The user whose own stream the message is in; absent for a room. */
  readonly user_id?: string
  /** The message, as clients receive it. */
  readonly data: object
}

/** A message that an endpoint did not accept. */
export interface DeadLetter {
  /** Name of the endpoint, or the origin of its url and a hash. */
  readonly endpoint: string
  /** `webhook-id` of its requests: the id of the message. */
  readonly id: string
  readonly body: WebhookBody
  /** How many requests this node has sent for it. */
  readonly attempts: number
  /** Why the last one failed. */
  readonly error: Error
}

export interface Webhooks {
  /** Sends no more. Resolves once the requests under way have ended; another node can then continue. */
  stop(): Promise<void>
}
