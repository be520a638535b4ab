import { type EventEmitter, once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { WebSocket } from 'ws'
import { Random } from '../sim/random.js'
import { ServerProcess } from './server-process.js'

export interface FuzzResult {
  readonly frames: number
  readonly connections: number
  /** Errors that nothing in the server caught. */
  readonly faults: number
  /** Of the server's process, once it had seen a part of the frames and at the end, in bytes. */
  readonly heapBefore: number
  readonly heapAfter: number
  /** Whether one who behaved was served to the end. */
  readonly bystanderServed: boolean
}

const unlimited = Number.POSITIVE_INFINITY
const LIMITS = {
  messagesPerSecond: unlimited,
  bytesPerSecond: unlimited,
  joinsPerSecond: unlimited,
  historyPerSecond: unlimited,
  unparseablePerMinute: unlimited,
  strikesPerMinute: unlimited,
  pendingPerAddress: unlimited,
}
const MEMORY = { historyCount: 20, historyMs: 1_000, dedupeMs: 1_000, dedupeCount: 100, idleMs: 1_000 }

const VALID: readonly object[] = [
  { type: 'join', room_id: 'r', history: 5, ref: '1' },
  { type: 'join', room_id: 'r', since: { epoch: 'e', offset: 3, id: 'x' } },
  { type: 'leave', room_id: 'r', ref: '2' },
  { type: 'chat_message', room_id: 'r', message: 'hello', client_id: 'c1', after: 'c0' },
  { type: 'typing_start', room_id: 'r' },
  { type: 'typing_stop' },
  { type: 'history', room_id: 'r', before: 10, limit: 5, ref: '3' },
  { type: 'presence', room_id: 'r', state: { mood: 'fine', deep: [{ a: 1 }] } },
  { type: 'auth', protocol: 1, session: 'nonsense', ref: '4' },
  { type: 'ping', id: 7 },
  {
    type: 'chat_message',
    room_id: 'r',
    message: 'hello',
    reply_to: { offset: 1, id: 'x' },
    mentions: ['bob'],
  },
  { type: 'edit_message', room_id: 'r', target: { offset: 1, id: 'x' }, message: 'hello', client_id: 'c2' },
  { type: 'delete_message', room_id: 'r', target: { offset: 1, id: 'x' }, client_id: 'c3' },
  { type: 'add_reaction', room_id: 'r', target: { offset: 1, id: 'x' }, reaction: '👍', client_id: 'c4' },
  { type: 'remove_reaction', room_id: 'r', target: { offset: 1, id: 'x' }, reaction: '👍' },
  {
    type: 'reactions',
    room_id: 'r',
    target: { offset: 1, id: 'x' },
    reaction: '👍',
    after: 0,
    limit: 5,
    ref: '5',
  },
  { type: 'mark_read', room_id: 'r', epoch: 'e', offset: 1, id: 'x', ref: '6' },
  { type: 'watch_rooms', room_ids: ['r', '@me', 's'], ref: '7' },
  { type: 'history', room_id: 'r', around: { offset: 1, id: 'x' }, limit: 5, ref: '8' },
  { type: 'set_profile', profile: { name: 'Ada', avatar: 'https://example.com/a.png' }, ref: '9' },
]

const JUNK: readonly unknown[] = [
  ...[null, true, '', ' ', '\ud800', '\u202e', 'x'.repeat(2_000), 0, -1, 0.5, 1e308, 2 ** 53, [], {}, [[]]],
  ...[{ toString: 1 }, { length: 1e9 }, 'r', '@me', '@user:x', 'join', 'c1'],
  ...['{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}'].map((json) =>
    JSON.parse(json),
  ),
]

/** A valid message with something wrong somewhere: a field replaced, removed or added, or bytes changed in its text. */
function mutated(random: Random): string {
  const message: Record<string, unknown> = structuredClone(random.pick(VALID)) as Record<string, unknown>
  for (let times = random.between(0, 3); times > 0; times--) {
    const key = random.pick([...Object.keys(message), 'extra'])
    if (random.next() < 0.2) delete message[key]
    else message[key] = random.pick(JUNK)
  }
  const text = JSON.stringify(message)
  if (random.next() < 0.7) return text
  const at = random.between(0, text.length)
  return (
    text.slice(0, at) + String.fromCharCode(random.between(0, 0x300)) + text.slice(at + random.between(0, 4))
  )
}

function bytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.between(0, 200) }, () => random.between(0, 256)))
}

const BATCH = 200
const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n')

/** Sends frames that were broken on purpose to a real server, and raw bytes in place of frames. */
export async function fuzz(frames: number, seed: number): Promise<FuzzResult> {
  const random = new Random(seed)
  const server = await ServerProcess.start({ limits: LIMITS, memory: MEMORY })
  let connections = 0
  const attack = async (count: number) => {
    for (let sent = 0; sent < count; sent += BATCH) {
      connections++
      if (random.next() < 0.1) await sendRaw(server.port, random)
      else await sendFrames(server.port, random)
    }
  }
  try {
    const bystander = await open(server.port)
    await attack(frames / 4)
    const { heapUsed: heapBefore } = await server.ask('memory')
    await attack((frames * 3) / 4)
    const { heapUsed: heapAfter, faults } = await server.ask('memory')
    return { frames, connections, faults, heapBefore, heapAfter, bystanderServed: await isServed(bystander) }
  } finally {
    await server.stop()
  }
}

async function open(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  await once(socket, 'open')
  return socket
}

/** A batch on a connection of its own, until everything was read or the server had enough. */
async function sendFrames(port: number, random: Random): Promise<void> {
  const socket = await open(port)
  const ended = closed(socket)
  socket.on('message', (data) => {
    if (String(data).includes('"last"')) socket.close()
  })
  if (random.next() < 0.8) socket.send('{"type":"auth","protocol":1}')
  if (random.next() < 0.8) socket.send('{"type":"join","room_id":"r"}')
  for (let i = 0; i < BATCH; i++)
    socket.send(
      random.next() < 0.002
        ? bytes(random)
        : random.next() < 0.05
          ? bytes(random).toString('latin1')
          : mutated(random),
    )
  socket.send('{"type":"leave","room_id":"nowhere","ref":"last"}')
  await ended
}

/** Bytes that are no WebSocket frames, or broken ones, where frames should be. */
async function sendRaw(port: number, random: Random): Promise<void> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('data', () => {})
  const ended = closed(socket)
  await once(socket, 'connect')
  if (random.next() < 0.9) socket.write(UPGRADE)
  for (let i = 0; i < BATCH && socket.writable; i++) socket.write(bytes(random))
  if (random.next() < 0.5) socket.end()
  else socket.resetAndDestroy()
  await ended
}

/** Resolves at the end, whether it came by an error or not. */
function closed(socket: EventEmitter): Promise<void> {
  socket.on('error', () => {})
  return new Promise((resolve) => socket.on('close', () => resolve()))
}

async function isServed(socket: WebSocket): Promise<boolean> {
  if (socket.readyState !== WebSocket.OPEN) return false
  const acked = new Promise<boolean>((resolve) => {
    socket.on('message', (data) => {
      if (String(data).includes('"ack"')) resolve(true)
    })
    socket.on('close', () => resolve(false))
  })
  socket.send('{"type":"join","room_id":"quiet"}')
  socket.send('{"type":"chat_message","room_id":"quiet","message":"still here","client_id":"b1"}')
  return acked
}
