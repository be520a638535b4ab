import { createClient } from '@roomful/client'
import { WebSocket } from 'ws'
import { protocol } from './protocol.js'

const client = createClient({ url: 'ws://localhost:3000', protocol, WebSocket })
const room = client.room('general')
room.on('chat_message', ({ user_id, message }) => console.log(user_id, message))
room.on('waved', ({ by, emoji }) => console.log(by, emoji))
await room.join()
room.emit('wave', { emoji: '👋' })
await room.send('Hello')
