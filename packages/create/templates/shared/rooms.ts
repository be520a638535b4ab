import type { ServerOptions } from '@roomful/server'
import { protocol } from './protocol.js'

/** What the server does with messages. Who may do what is decided in `server.ts`, by `authenticate` and `authorize`. */
export const rooms: ServerOptions<typeof protocol> = {
  protocol,
  handle: {
    chat_message: (_, chat) => ({ ...chat, message: chat.message.trim() }),
    wave: ({ room, user }, { emoji }) => room.broadcast({ type: 'waved', emoji, by: user.id }),
  },
}
