import type { JsonObject } from '@roomful/protocol'
import { checkText, MAX_TEXT_LENGTH, RoomfulError, validate } from '@roomful/protocol/wire'
import type { AnyProtocol } from '../options/options.js'
import * as strings from '../runtime/strings.js'

/** Why the server would refuse the text of a message. `null` means that there is no limit. */
export function textFault(
  message: string,
  textLength: number | null | undefined,
  roomId: string,
): RoomfulError | undefined {
  const limit = textLength === null ? Number.POSITIVE_INFINITY : (textLength ?? MAX_TEXT_LENGTH)
  const fault = checkText(message, limit)
  return (
    fault &&
    new RoomfulError(fault, {
      roomId,
      message: fault === 'message_too_long' ? strings.tooLong([...message].length, limit) : undefined,
    })
  )
}

/** Why the server would refuse the data of a message. */
export function dataFault(
  data: JsonObject | undefined,
  chat: AnyProtocol['chat'],
  roomId: string,
): RoomfulError | undefined {
  if (data === undefined) return undefined
  if (!chat) return new RoomfulError('invalid_message', { roomId, message: strings.noChatData })
  const result = validate(chat, data)
  return result.ok ? undefined : new RoomfulError('invalid_message', { roomId, issues: result.issues })
}
