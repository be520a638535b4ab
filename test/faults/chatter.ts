import { type Client, type ClientOptions, createClient, type RoomfulError, type Sent } from '@roomful/client'
import type { BuiltIn } from '@roomful/protocol'
import { WebSocket } from 'ws'
import { type Oracle, textOf } from '../sim/oracle.js'
import { seen } from '../sim/seen.js'

export type Patience = Pick<ClientOptions<BuiltIn>, 'heartbeat' | 'backoff' | 'timeouts' | 'outbox'>

/** Impatient, so that a short test sees a broken connection found and replaced. */
export const IMPATIENT = {
  heartbeat: { intervalMs: 1_000, overdueMs: 400, deadMs: 1_000 },
  backoff: { minMs: 20, baseMs: 100, maxMs: 500 },
  timeouts: { dialMs: 1_500, authMs: 1_500, requestMs: 2_000 },
}

/** A client over a real socket that writes into one room, and whose application tells the oracle what it sees. */
export class Chatter {
  readonly client: Client<BuiltIn>
  readonly #waiting = new Set<Sent>()
  #sequence = 0
  #lastId: string | undefined

  constructor(
    readonly name: string,
    readonly roomId: string,
    port: number,
    private readonly oracle: Oracle,
    patience: Patience = IMPATIENT,
  ) {
    this.client = createClient({
      url: `ws://127.0.0.1:${port}`,
      WebSocket,
      session: 'memory',
      logger: { warn() {}, error: (what, error) => oracle.fail(`${name}: ${what}: ${error}`) },
      ...patience,
    })
  }

  async join(): Promise<void> {
    const room = this.client.room(this.roomId)
    const saw = (message: Parameters<typeof seen>[0]) => {
      this.#lastId = message.id
      this.oracle.saw(this.name, this.roomId, seen(message))
    }
    room.on('chat_message', saw)
    room.on('resync', ({ reason }) => this.oracle.broke(this.name, this.roomId, reason))
    const { messages } = await room.join({ history: 1_000 })
    for (const message of messages) saw(message as Parameters<typeof seen>[0])
  }

  write(filler = ''): Sent {
    const text = textOf(this.name, this.#sequence++, filler)
    const sent = this.client.room(this.roomId).send(text)
    this.oracle.handed(sent.clientId, { sender: this.name, room: this.roomId, text })
    this.#waiting.add(sent)
    sent.then(
      ({ epoch = '', offset = 0, id = '' }) => {
        this.#waiting.delete(sent)
        this.oracle.acked(sent.clientId, { epoch, offset, id })
      },
      ({ code }: RoomfulError) => {
        this.#waiting.delete(sent)
        this.oracle.refused(sent.clientId, code)
      },
    )
    return sent
  }

  /** Resolves when every message has its outcome. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#waiting])
  }

  /** Resolves when the application has seen this entry as its last. */
  sees(id: string): Promise<void> {
    if (this.#lastId === id) return Promise.resolve()
    return new Promise((resolve) => {
      const room = this.client.room(this.roomId)
      const off = room.on('chat_message', (message) => {
        if (message.id !== id) return
        off()
        resolve()
      })
    })
  }
}
