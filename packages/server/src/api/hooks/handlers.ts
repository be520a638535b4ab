import type {
  BuiltIn,
  ChatDataOutput,
  ClientMessageFor,
  ReplyInput,
  Request,
  Target,
} from '@roomful/protocol'
import type { AnyProtocol } from '../protocol.js'
import type { HandlerBatch } from './handler-batch.js'
import type { RoomContext } from './hooks.js'

/** A chat message that is about to be logged. */
export interface Chat<P extends AnyProtocol = BuiltIn> {
  readonly message: string
  readonly data?: ChatDataOutput<P>
  /** The message that it answers. Not for edits, which leave it as it was. */
  readonly replyTo?: Target
  /** The ids of the users that it mentions. Not for edits. */
  readonly mentions?: readonly string[]
}

/** A chat message as a client sent it. */
export interface SentChat<P extends AnyProtocol = BuiltIn> extends Chat<P> {
  /**
   * Identifies this message among those of its user in this room; a repeat has the same id. Use it as the key under
   * which your own database stores the message once. Absent if the client sent none; such a client does not repeat
   * messages by itself.
   */
  readonly clientId?: string
}

// One function type for every name, of which only the parts depend on the name. If the whole type depended on the
// protocol, the compiler would settle it, with `D` unknown, before it has read `authenticate`.

/**
 * Handlers by message name. `chat_message` receives each chat message before it is logged, and returns it, changed or
 * not. A throw refuses the message. It is called for edits too, with `context.edit`: otherwise, people could send what it
 * accepts and edit it into what it refuses.
 */
export type Handlers<P extends AnyProtocol = BuiltIn, D = unknown> = {
  readonly [K in Handled<P>]?: Handler<P, D, K> | BatchOf<P, D, K>
}

type Handled<P extends AnyProtocol> = (keyof P['client'] & string) | 'chat_message'

type Handler<P extends AnyProtocol, D, K> = (
  context: RoomContext<P, D>,
  message: HandledMessage<P, K>,
) => HandlerResult<P, K> | Promise<HandlerResult<P, K>>

type HandledMessage<P extends AnyProtocol, K> = K extends keyof P['client'] & string
  ? ClientMessageFor<P, K>
  : SentChat<P>

type HandlerResult<P extends AnyProtocol, K> = K extends keyof P['client'] & string
  ? P['client'][K] extends Request
    ? ReplyInput<P['client'][K]>
    : // biome-ignore lint/suspicious/noConfusingVoidType: the return type of a function
      void
  : Chat<P>

type BatchOf<P extends AnyProtocol, D, K> = K extends keyof P['client'] & string
  ? P['client'][K] extends Request
    ? never
    : HandlerBatch<RoomContext<P, D>, ClientMessageFor<P, K>>
  : never
