import type { Room } from '@roomful/client'
import type { protocol } from './protocol.js'

/** Uploads the file first, so that nobody sees a link that leads nowhere. */
export async function sendFile(room: Room<typeof protocol>, file: File, text = file.name) {
  const response = await fetch('/files', { method: 'POST', body: file })
  if (!response.ok) throw new Error(`The upload was answered with ${response.status}`)
  const data = { file: { url: await response.text(), name: file.name, bytes: file.size } }
  return room.send(text, { data })
}
