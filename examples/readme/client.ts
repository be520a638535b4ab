import { createClient } from '@roomful/client'
import { protocol } from './protocol.js'

const room = createClient({ url: 'ws://localhost:3000', protocol }).room('general')
room.on('chat_message', ({ user_id, message }) => console.log(user_id, message))
room.on('waved', ({ by, emoji }) => console.log(by, emoji))
await room.join()
room.emit('wave', { emoji: '👋' })
await room.send('Hello')
