// node receive.mjs KIND PORT WARMUP_MS MEASURE_MS: joins, says so, and tells what the messages then cost.
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@roomful/client'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'

const clients = {
  async roomful(port, onMessage) {
    const room = createClient({ url: `ws://127.0.0.1:${port}/`, WebSocket }).room('room-0')
    room.on('chat_message', onMessage)
    await room.join()
  },
  async 'socket.io'(port, onMessage) {
    const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] })
    socket.on('chat_message', onMessage)
    socket.emit('join', { room_id: 'room-0' })
    await new Promise((resolve) => socket.once('joined', resolve))
  },
}

const [kind, port, warmupMs, measureMs] = process.argv.slice(2)
let messages = 0
let begin
const begun = new Promise((resolve) => {
  begin = resolve
})

await clients[kind](port, () => {
  messages++
  begin()
})
console.log('ready')
await begun
await sleep(Number(warmupMs))
const messagesBefore = messages
const cpuBefore = process.cpuUsage()
await sleep(Number(measureMs))
const { user, system } = process.cpuUsage(cpuBefore)
console.log(JSON.stringify({ messages: messages - messagesBefore, cpu: (user + system) / 1e6 }))
process.exit()
