import type { ClientDefinition } from '@roomful/protocol'
import { isRequest } from '@roomful/protocol/define'
import { type Frame, RoomfulError, validate } from '@roomful/protocol/wire'
import type { AnyProtocol } from '../options/options.js'
import type { Settings } from '../options/resolve-options.js'
import * as strings from '../runtime/strings.js'

/** @throws TypeError for a message that the protocol does not declare */
export function definitionOf(protocol: AnyProtocol | undefined, type: string): ClientDefinition {
  const client = protocol?.client as Readonly<Record<string, ClientDefinition>> | undefined
  const definition = client && Object.hasOwn(client, type) ? client[type] : undefined
  if (!definition) throw new TypeError(strings.undeclared(type))
  return definition
}

/**
 * The frame of an application's message. It carries the input, because the server runs the schema again.
 * @throws RoomfulError `invalid_message`
 */
export function applicationFrame(
  settings: Pick<Settings, 'meta'>,
  definition: ClientDefinition,
  type: string,
  body: object,
  room_id: string,
): Frame {
  const result = validate(isRequest(definition) ? definition.input : definition, body)
  if (!result.ok) throw new RoomfulError('invalid_message', { issues: result.issues, roomId: room_id })
  return { ...body, type, room_id, meta: settings.meta?.() }
}
