import {
  ENVELOPE_FIELDS,
  isVolatile,
  PUBLISHED_ENVELOPE_FIELDS,
  type ServerDefinition,
  validate,
} from '@roomful/protocol'
import type { AnyProtocol } from '../../api/api.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'

/** Validates the application's own messages against the protocol. */
export class ServerMessages {
  constructor(private readonly protocol: AnyProtocol | undefined) {}

  /** Returns a validated volatile message. @throws RoomfulError `invalid_message` */
  volatile(message: { readonly type: string }): object {
    return { type: message.type, ...this.check(message, 'volatile') }
  }

  /** The body of an application's server message: the input of its schema. */
  check(message: { readonly type: string }, kind: 'published' | 'volatile'): object {
    const { type, ...body } = message
    const definition = this.#definition(type)
    if (isVolatile(definition) !== (kind === 'volatile')) {
      throw invalid(
        'type',
        isVolatile(definition) ? `'${type}' is volatile: broadcast it` : `'${type}' is logged: publish it`,
      )
    }
    const reserved = kind === 'published' ? PUBLISHED_ENVELOPE_FIELDS : ENVELOPE_FIELDS
    const clash = Object.keys(body).find((field) => reserved.has(field))
    if (clash) throw invalid(clash, 'This field belongs to the envelope')
    const result = validate(isVolatile(definition) ? definition.body : definition, body)
    if (!result.ok) throw new RoomfulError('invalid_message', { issues: result.issues })
    return body
  }

  #definition(type: string): ServerDefinition {
    const server = this.protocol?.server as Record<string, ServerDefinition> | undefined
    const definition = server && Object.hasOwn(server, type) ? server[type] : undefined
    if (!definition) throw invalid('type', `'${type}' is not a server message of this protocol`)
    return definition
  }
}

export function invalid(path: string, message: string): RoomfulError {
  return new RoomfulError('invalid_message', {
    message: `Invalid message: ${message}`,
    issues: [{ path, message }],
  })
}
