import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type WebSocket, WebSocketServer } from 'ws'

/** What an app at Pusher is known by. */
export interface PusherApp {
  readonly appId: string
  readonly key: string
  readonly secret: string
}

interface Member {
  readonly user_id: string
  readonly user_info?: object
}

interface Peer {
  readonly id: string
  readonly socket: WebSocket
  /** The channels of the peer, and who it is in those with presence. */
  readonly channels: Map<string, Member | undefined>
}

interface Frame {
  readonly event: string
  readonly channel?: string
  readonly data?: unknown
}

const md5 = (body: string) => createHash('md5').update(body).digest('hex')

/**
 * Stands for Pusher's service, which nobody else can run. It speaks what `pusher-js` and `pusher` use in the tests of
 * version 7 of the Pusher Channels protocol, and checks each signature.
 */
export class PusherService {
  /** Where it sends webhooks of members. */
  webhooks: string | undefined
  readonly #peers = new Set<Peer>()
  readonly #http = createServer((request, response) => void this.#serve(request, response))
  #lastId = 0

  private constructor(private readonly app: PusherApp) {
    new WebSocketServer({ server: this.#http, path: `/app/${app.key}` }).on('connection', (socket) =>
      this.#connect(socket),
    )
  }

  static async start(app: PusherApp): Promise<PusherService> {
    const service = new PusherService(app)
    await new Promise<void>((resolve) => service.#http.listen(0, '127.0.0.1', resolve))
    return service
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port
  }

  close(): void {
    this.webhooks = undefined
    for (const { socket } of this.#peers) socket.terminate()
    this.#http.close()
    this.#http.closeAllConnections()
  }

  #sign(message: string): string {
    return createHmac('sha256', this.app.secret).update(message).digest('hex')
  }

  #connect(socket: WebSocket): void {
    this.#lastId += 1
    const peer: Peer = { id: `1.${this.#lastId}`, socket, channels: new Map() }
    this.#peers.add(peer)
    socket.on('message', (data) => this.#receive(peer, JSON.parse(String(data))))
    socket.on('close', () => {
      this.#peers.delete(peer)
      for (const channel of [...peer.channels.keys()]) this.#unsubscribe(peer, channel)
    })
    send(peer, 'pusher:connection_established', { socket_id: peer.id, activity_timeout: 120 })
  }

  #receive(peer: Peer, { event, channel, data }: Frame): void {
    if (event === 'pusher:ping') send(peer, 'pusher:pong', {})
    else if (event === 'pusher:subscribe') this.#subscribe(peer, data as Record<string, string>)
    else if (event === 'pusher:unsubscribe') this.#unsubscribe(peer, (data as { channel: string }).channel)
    else if (event.startsWith('client-') && channel && isPrivate(channel) && peer.channels.has(channel))
      this.#deliver(channel, event, data, peer)
    else send(peer, 'pusher:error', { code: null, message: `Refused: ${event}` })
  }

  #subscribe(peer: Peer, { channel = '', auth, channel_data: data }: Record<string, string>): void {
    const signed = [peer.id, channel, ...(data ? [data] : [])].join(':')
    if (isPrivate(channel) && auth !== `${this.app.key}:${this.#sign(signed)}`) {
      send(peer, 'pusher:error', { code: 4009, message: `Invalid signature for ${channel}` })
      return
    }
    const member: Member | undefined = channel.startsWith('presence-') && data ? JSON.parse(data) : undefined
    if (member && !this.#members(channel).has(member.user_id)) {
      this.#deliver(channel, 'pusher_internal:member_added', member)
      this.#tell({ name: 'member_added', channel, user_id: member.user_id })
    }
    peer.channels.set(channel, member)
    const hash = Object.fromEntries(this.#members(channel))
    const ids = Object.keys(hash)
    const presence = member && { presence: { ids, hash, count: ids.length } }
    send(peer, 'pusher_internal:subscription_succeeded', presence ?? {}, channel)
  }

  #unsubscribe(peer: Peer, channel: string): void {
    const member = peer.channels.get(channel)
    peer.channels.delete(channel)
    if (!member || this.#members(channel).has(member.user_id)) return
    this.#deliver(channel, 'pusher_internal:member_removed', { user_id: member.user_id })
    this.#tell({ name: 'member_removed', channel, user_id: member.user_id })
  }

  #members(channel: string): Map<string, object | undefined> {
    const members = [...this.#peers].flatMap(({ channels }) => channels.get(channel) ?? [])
    return new Map(members.map(({ user_id, user_info }) => [user_id, user_info ?? {}]))
  }

  #deliver(channel: string, event: string, data: unknown, from?: Peer): void {
    for (const peer of this.#peers)
      if (peer !== from && peer.channels.has(channel))
        send(peer, event, data, channel, from?.channels.get(channel)?.user_id)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const isEvents = request.method === 'POST' && pathname === `/apps/${this.app.appId}/events`
    const status = !isEvents ? 404 : this.#isSigned(pathname, searchParams, body) ? 200 : 401
    if (status === 200) {
      const { name, data, channels, socket_id } = JSON.parse(body)
      const from = [...this.#peers].find(({ id }) => id === socket_id)
      for (const channel of channels) this.#deliver(channel, name, data, from)
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
  }

  #isSigned(path: string, query: URLSearchParams, body: string): boolean {
    const signature = query.get('auth_signature')
    query.delete('auth_signature')
    query.sort()
    const signed = ['POST', path, [...query].map((pair) => pair.join('=')).join('&')].join('\n')
    return (
      query.get('auth_key') === this.app.key &&
      query.get('body_md5') === md5(body) &&
      Math.abs(Date.now() / 1_000 - Number(query.get('auth_timestamp'))) < 600 &&
      signature === this.#sign(signed)
    )
  }

  /** Sends a webhook; tests need no repeats. */
  #tell(event: object): void {
    if (!this.webhooks) return
    const body = JSON.stringify({ time_ms: Date.now(), events: [event] })
    const headers = {
      'content-type': 'application/json',
      'x-pusher-key': this.app.key,
      'x-pusher-signature': this.#sign(body),
    }
    fetch(this.webhooks, { method: 'POST', headers, body }).catch(() => undefined)
  }
}

const isPrivate = (channel: string) => channel.startsWith('private-') || channel.startsWith('presence-')

/** Data goes out as text, as the protocol has it: that of an event of the application is text already. */
function send({ socket }: Peer, event: string, data: unknown, channel?: string, user_id?: string): void {
  const encoded = typeof data === 'string' ? data : JSON.stringify(data)
  socket.send(JSON.stringify({ event, channel, data: encoded, user_id }))
}
