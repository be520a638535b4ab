import type { AnyProtocol, LogMessage } from '../../api/api.js'
import type { LogPage } from '../../api/contracts/backplane.js'

/** The largest page that the application reads at once, in bytes. */
export const MAX_PAGE_BYTES = 16 * 1024 * 1024

/** The messages of a page, as members received them. */
export function messagesOf({ entries }: LogPage): LogMessage<AnyProtocol>[] {
  return entries.map(({ text }) => JSON.parse(text) as LogMessage<AnyProtocol>)
}
