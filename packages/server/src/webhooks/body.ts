import type { AnyProtocol, Change, WebhookBody } from '../api/api.js'
import { isoTime } from '../util/iso-time.js'

export function bodyOf({ message, timestampMs, userId }: Change<AnyProtocol>): WebhookBody {
  return {
    type: message.type,
    timestamp: isoTime(timestampMs),
    ...(userId !== undefined && { user_id: userId }),
    data: message,
  }
}
