import { startBot } from './bot.js'

const roomId = process.argv[2] ?? 'general'
const bot = startBot(process.env.ROOMFUL_URL ?? 'ws://127.0.0.1:3000/ws', roomId)
bot.room(roomId).on('status', ({ to }) => console.log(`${roomId}: ${to.state} (${to.reason})`))
process.once('SIGINT', () => bot.close())
