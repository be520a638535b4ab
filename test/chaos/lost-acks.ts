import { Random } from '../sim/random.js'
import { type AnyFrame, WireClient } from '../support/wire-client.js'
import { readLogs } from './logs.js'
import { Stage } from './stage.js'

export interface LostAcksOptions {
  readonly messages: number
  /** Writers at a time, each in a room of its own. */
  readonly writers: number
}

export interface LostAcksResult {
  readonly messages: number
  /** Acknowledgements of the second node that named the place which the first one had given. */
  readonly repeats: number
  readonly violations: readonly string[]
}

const BATCH = 50
const unlimited = Number.POSITIVE_INFINITY

/**
 * Sends messages through one node, cuts the connection before their acknowledgements have arrived, and sends all of them
 * again through the other one, while the first may still be at work on them.
 */
export function loseAcks({ messages, writers }: LostAcksOptions): Promise<LostAcksResult> {
  return Stage.play(async (stage) => {
    const redis = await stage.redis()
    const limits = { messagesPerSecond: unlimited, bytesPerSecond: unlimited, joinsPerSecond: unlimited }
    const cluster = await stage.cluster(2, redis, { limits })
    const ports = cluster.nodes.map(({ port }) => port)
    const rooms = Array.from({ length: writers }, (_, writer) => `room-${writer}`)
    const batches = Math.ceil(messages / writers / BATCH)
    const repeats = await Promise.all(
      rooms.map((room, seed) => write(room, batches, ports, new Random(seed))),
    )
    const violations = [...(await cluster.faults())]
    for (const [room, log] of await readLogs(redis.url, rooms)) {
      const wrong = log.findIndex(({ text }, index) => text !== String(index))
      if (wrong >= 0) violations.push(`${room} has ${log[wrong]?.text} at ${wrong + 1}`)
      if (log.length !== batches * BATCH) violations.push(`${room} has ${log.length} entries`)
    }
    return {
      messages: writers * batches * BATCH,
      repeats: repeats.reduce((sum, count) => sum + count, 0),
      violations,
    }
  })
}

/** Returns how many messages the second node knew. */
async function write(
  room: string,
  batches: number,
  ports: readonly number[],
  random: Random,
): Promise<number> {
  let { session } = await WireClient.open(ports[0] ?? 0)
  let repeats = 0
  for (let done = 0; done < batches; done++) {
    const batch = chain(room, done * BATCH)
    const [one = 0, other = 0] = random.next() < 0.5 ? ports : ports.toReversed()
    await sendAndVanish(one, session, room, batch, random.between(0, BATCH / 2))
    const second = await WireClient.open(other, session)
    session = second.session
    const acks = await sendAgain(second, room, batch)
    repeats += acks.filter(({ duplicate }) => duplicate).length
    second.socket.terminate()
  }
  return repeats
}

/** Messages of which each names the one before it, as a client numbers them on one connection. */
function chain(room: string, from: number): readonly AnyFrame[] {
  return Array.from({ length: BATCH }, (_, index) => ({
    type: 'chat_message',
    room_id: room,
    message: String(from + index),
    client_id: `${room}-${from + index}`,
    ...(index > 0 && { after: `${room}-${from + index - 1}` }),
  }))
}

async function sendAndVanish(
  port: number,
  session: string,
  room: string,
  batch: readonly AnyFrame[],
  acks: number,
): Promise<void> {
  const wire = await WireClient.open(port, session)
  await wire.join(room)
  for (const message of batch) wire.send(message)
  await wire.until(() => wire.all('ack').length >= acks, `${acks} acknowledgements`)
  wire.socket.terminate()
}

async function sendAgain(
  wire: WireClient,
  room: string,
  batch: readonly AnyFrame[],
): Promise<readonly AnyFrame[]> {
  await wire.join(room)
  for (const message of batch) wire.send(message)
  await wire.until(() => wire.all('ack').length === batch.length, 'all acknowledgements')
  return wire.all('ack')
}
