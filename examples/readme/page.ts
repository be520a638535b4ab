import { createClient } from '@roomful/client'
import { protocol } from './protocol.js'

const client = createClient({ url: 'ws://localhost:3000', protocol })
const room = client.room('general')
const show = (line: string) => document.querySelector('#log')?.append(`${line}\n`)
client.status.subscribe(({ reason }) => document.querySelector('#status')?.replaceChildren(reason))
room.on('chat_message', ({ user_id, message }) => show(`${user_id}: ${message}`))
room.on('waved', ({ by, emoji }) => show(`${by} ${emoji}`))

const text = document.querySelector<HTMLInputElement>('#text')
document.querySelector('#form')?.addEventListener('submit', (event) => {
  event.preventDefault()
  room.send(text?.value ?? '').catch((error) => show(error.message))
  if (text) text.value = ''
})
await room.join()
room.emit('wave', { emoji: '👋' })
