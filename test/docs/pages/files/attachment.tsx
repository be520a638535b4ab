import type { LogMessage } from '@roomful/client'
import type { protocol } from './protocol.js'

/** The file of a message of the timeline (`entry.message`): an image, or a link to download it. */
export function Attachment({ message }: { readonly message: LogMessage<typeof protocol> }) {
  const file = message.type === 'chat_message' ? message.data?.file : undefined
  if (!file) return null
  const isImage = /-(png|jpeg|gif|webp)$/.test(file.url)
  if (isImage) return <img src={file.url} alt={file.name} loading="lazy" />
  return (
    <a href={file.url} download={file.name}>
      {file.name} ({Math.ceil(file.bytes / 1024)} KiB)
    </a>
  )
}
