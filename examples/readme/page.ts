import { createClient } from '@roomful/client'
import { protocol } from './protocol.js'

const room = createClient({ url: 'ws://localhost:3000', protocol }).room('general')
const show = (line: string) => document.querySelector('#log')?.append(`${line}\n`)
room.on('chat_message', ({ user_id, message }) => show(`${user_id}: ${message}`))
room.on('waved', ({ by, emoji }) => show(`${by} ${emoji}`))

const text = document.querySelector<HTMLInputElement>('#text')
document.querySelector('#form')?.addEventListener('submit', (event) => {
  event.preventDefault()
  room.send(text?.value ?? '')
  if (text) text.value = ''
})
await room.join()
room.emit('wave', { emoji: '👋' })
