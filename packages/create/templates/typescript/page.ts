import { createClient } from '@roomful/client'
import { protocol } from './protocol.js'

const client = createClient({ url: '/ws', protocol })
const room = client.room('general')

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T
const text = element<HTMLInputElement>('text')

function show(line: string): void {
  element('log').append(Object.assign(document.createElement('li'), { textContent: line }))
}

client.status.subscribe((status) => {
  const isRefused = status.state === 'failed' && status.error.code === 'invalid_token'
  element('status').replaceChildren(isRefused ? 'Please log in' : status.reason)
})
room.on('chat_message', ({ user_id, message }) => show(`${user_id}: ${message}`))
room.on('waved', ({ by, emoji }) => show(`${by} ${emoji}`))

element('wave').onclick = () => room.emit('wave', { emoji: '👋' })
element('form').onsubmit = (event) => {
  event.preventDefault()
  room.send(text.value).catch((error) => show(error.message))
  text.value = ''
}

const { messages } = await room.join({ history: 50 })
for (const message of messages) {
  if (message.type === 'chat_message') show(`${message.user_id}: ${message.message}`)
}
