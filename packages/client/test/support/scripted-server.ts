import type { BuiltIn } from '@roomful/protocol'
import { VirtualClock } from '@roomful/server/testing'
import type { Runtime, Signal, SocketHandlers } from '../../src/index.js'
import { type Client, type ClientOptions, createClient } from '../../src/index.js'

type Frame = { readonly type: string } & Record<string, unknown>

/** One connection of that client. The test plays the server's end. */
export class ScriptedConnection {
  readonly frames: Frame[] = []
  closedBy: { readonly code: number; readonly reason: string } | undefined
  readonly #handlers: SocketHandlers
  readonly #clock: VirtualClock

  constructor(handlers: SocketHandlers, clock: VirtualClock) {
    this.#handlers = handlers
    this.#clock = clock
  }

  /** What the client sent since the last look, without its pings. */
  take(): Frame[] {
    return this.frames.splice(0).filter(({ type }) => type !== 'ping')
  }

  async opens(): Promise<void> {
    this.#handlers.opened()
    await this.#clock.settle()
  }

  async says(...frames: Frame[]): Promise<void> {
    for (const frame of frames) this.#handlers.received(JSON.stringify(frame))
    await this.#clock.settle()
  }

  async closes(code: number, reason = ''): Promise<void> {
    this.#handlers.closed(code, reason)
    await this.#clock.settle()
  }

  /** Opens, greets and authenticates. */
  async welcomes(userId = 'me', hello: Record<string, unknown> = {}): Promise<void> {
    await this.opens()
    await this.says({ type: 'system', message: '', timestamp: '', protocol: 1, limits: {}, ...hello })
    await this.says({ type: 'authenticated', user_id: userId, session: `session-of-${userId}` })
  }
}

/** The test plays the server of a real client, in virtual time. */
export class ScriptedServer {
  readonly clock = new VirtualClock()
  readonly connections: ScriptedConnection[] = []
  readonly client: Client<BuiltIn>
  readonly errors: unknown[] = []
  isOffline = false
  /** What the client's random numbers are; 1 is not reached. */
  random = 0.5
  wallTime = 1_700_000_000_000
  #signal: (signal: Signal) => void = () => {}

  constructor(options: Partial<ClientOptions<BuiltIn>> = {}) {
    let lastId = 0
    const runtime: Runtime = {
      clock: this.clock,
      wallTime: () => this.wallTime,
      random: () => this.random,
      id: () => `client-${++lastId}`,
      isOffline: () => this.isOffline,
      watch: (listener) => {
        this.#signal = listener
        return () => {
          this.#signal = () => {}
        }
      },
      connect: (_url, handlers) => {
        const connection = new ScriptedConnection(handlers, this.clock)
        this.connections.push(connection)
        return {
          send(text) {
            connection.frames.push(JSON.parse(text) as Frame)
            return true
          },
          close(code, reason) {
            connection.closedBy = { code, reason }
          },
        }
      },
    }
    const logger = { warn: () => {}, error: (_: string, error: unknown) => this.errors.push(error) }
    const defaults = { url: 'ws://test', session: 'memory', autoConnect: true, logger } as const
    this.client = createClient({ ...defaults, ...options }, runtime)
  }

  /** The newest connection. */
  get connection(): ScriptedConnection {
    const connection = this.connections.at(-1)
    if (!connection) throw new Error('The client has not dialled yet')
    return connection
  }

  signal(signal: Signal): void {
    this.#signal(signal)
  }
}

/** A `joined` for the last join that the client sent. */
export function joinedFrame(join: Frame | undefined, rest: Record<string, unknown> = {}): Frame {
  if (join?.type !== 'join') throw new Error(`Not a join: ${JSON.stringify(join)}`)
  return {
    type: 'joined',
    room_id: join.room_id,
    ref: join.ref,
    message: '',
    timestamp: '',
    epoch: 'e1',
    offset: 0,
    id: 'e1',
    messages: [],
    more: false,
    count: 1,
    members: [{ user_id: 'me' }],
    presence_version: 1,
    // [H8]
    ...(join.since === undefined ? {} : { recovered: true }),
    ...rest,
  }
}

export function chatFrame(offset: number, rest: Record<string, unknown> = {}): Frame {
  const place = { room_id: 'r', epoch: 'e1', offset, id: `id-${offset}` }
  return { type: 'chat_message', message: `m${offset}`, timestamp: '', user_id: 'other', ...place, ...rest }
}

export function ackFrame(clientId: unknown, offset: number, rest: Record<string, unknown> = {}): Frame {
  const place = { room_id: 'r', epoch: 'e1', offset, id: `id-${offset}` }
  return {
    type: 'ack',
    client_id: clientId,
    timestamp: '',
    duplicate: false,
    durability: 'memory',
    ...place,
    ...rest,
  }
}

export function errorFrame(code: string, rest: Record<string, unknown> = {}): Frame {
  return { type: 'error', message: code, timestamp: '', code, ...rest }
}

/** An edit of the message at `target`, as it is logged at `offset`. */
export function editFrame(offset: number, target: number, rest: Record<string, unknown> = {}): Frame {
  return { ...amendmentFrame(offset, target), type: 'message_edited', message: `edit ${offset}`, ...rest }
}

/** A deletion of the message at `target`, as it is logged at `offset`. */
export function deletionFrame(offset: number, target: number, rest: Record<string, unknown> = {}): Frame {
  return { ...amendmentFrame(offset, target), type: 'message_deleted', ...rest }
}

function amendmentFrame(offset: number, target: number) {
  const place = { room_id: 'r', epoch: 'e1', offset, id: `id-${offset}` }
  return {
    user_id: 'other',
    timestamp: `time ${offset}`,
    target: { offset: target, id: `id-${target}` },
    ...place,
  }
}

/** `+👍` or `-👍` to the message at `target`, as it is logged at `offset`. */
export function reactionFrame(
  offset: number,
  target: number,
  change: string,
  rest: Record<string, unknown> = {},
): Frame {
  const type = change.startsWith('+') ? 'reaction_added' : 'reaction_removed'
  return { ...amendmentFrame(offset, target), type, reaction: change.slice(1), ...rest }
}
