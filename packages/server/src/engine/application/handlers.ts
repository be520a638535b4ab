import { type ClientDefinition, isRequest } from '@roomful/protocol'
import { suggestion } from '@roomful/protocol/options'
import { type AnyProtocol, batch, type HandlerBatch, type RoomContext } from '../../api/api.js'

export type Handler = (context: RoomContext<AnyProtocol, unknown>, message: object) => unknown
export type BatchHandler = ReturnType<typeof batch<RoomContext<AnyProtocol, unknown>, object>>

/** The application's handlers by message type, without static types: the schemas have validated the messages. */
export type HandlerTable = ReadonlyMap<string, Handler | BatchHandler>

/**
 * Checks the handlers against the protocol.
 * @throws TypeError for a request without a handler, which would only time out; for a handler without a message; for
 * an invalid handler batch
 */
export function handlerTable(protocol: AnyProtocol | undefined, given: object): HandlerTable {
  const client = (protocol?.client ?? {}) as Record<string, ClientDefinition>
  const handlers = new Map<string, Handler | BatchHandler>()
  for (const [name, handler] of Object.entries(given)) {
    if (name !== 'chat_message' && !Object.hasOwn(client, name)) {
      throw new TypeError(
        `createServer: handle.${name} handles no message of the protocol (${suggestion(name, ['chat_message', ...Object.keys(client)])}); declare '${name}' in defineProtocol({ client })`,
      )
    }
    handlers.set(name, toHandler(name, handler))
  }
  for (const [name, definition] of Object.entries(client)) {
    if (isRequest(definition) && typeof handlers.get(name) !== 'function') {
      throw new TypeError(
        `createServer: the protocol's request '${name}' needs a function handle.${name} that returns its reply`,
      )
    }
  }
  return handlers
}

function toHandler(
  name: string,
  handler: Handler | HandlerBatch<RoomContext<AnyProtocol, unknown>, object>,
): Handler | BatchHandler {
  if (typeof handler === 'function') return handler
  if (name !== 'chat_message' && typeof handler?.handle === 'function') return batch(handler, handler.handle)
  throw new TypeError(
    `createServer: handle.${name} must be a function, or { size, ms, handle } for a message without a reply`,
  )
}
