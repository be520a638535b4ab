import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

interface Peer {
  readonly socket: WebSocket
  readonly userId: string
  room: string | undefined
}

/**
 * A server that speaks only the base messages, written from their table alone: no ids, no offsets, no acks,
 * and each connection in one room, the one that it joined last.
 */
export class BaseServer {
  readonly url: string
  /** Every frame that clients sent, as text. */
  readonly received: string[] = []
  readonly #server: WebSocketServer
  readonly #peers = new Set<Peer>()
  #users = 0

  private constructor(server: WebSocketServer, port: number) {
    this.#server = server
    this.url = `ws://127.0.0.1:${port}`
    server.on('connection', (socket) => this.#welcome(socket))
  }

  static async listen(port = 0): Promise<BaseServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port })
    await once(server, 'listening')
    return new BaseServer(server, (server.address() as AddressInfo).port)
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  async close(): Promise<void> {
    for (const { socket } of this.#peers) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #welcome(socket: WebSocket): void {
    const peer: Peer = { socket, userId: `user-${++this.#users}`, room: undefined }
    this.#peers.add(peer)
    say(peer, {
      type: 'system',
      message: "Connected. Send a 'join' message with room_id to join a room.",
      timestamp: now(),
    })
    socket.on('message', (data) => {
      this.received.push(String(data))
      this.#handle(peer, String(data))
    })
    socket.on('close', () => {
      this.#leave(peer)
      this.#peers.delete(peer)
    })
  }

  #handle(peer: Peer, text: string): void {
    const { type, room_id, message } = JSON.parse(text) as {
      type: string
      room_id?: unknown
      message?: unknown
    }
    if (type === 'ping') say(peer, { type: 'pong', timestamp: now() })
    else if (type === 'join') this.#join(peer, room_id)
    else if (type === 'chat_message') this.#chat(peer, message)
    else if (type === 'typing_start') this.#typing(peer, 'user_typing')
    else if (type === 'typing_stop') this.#typing(peer, 'user_stopped_typing')
    else refuse(peer, `Unknown message type: ${type}`)
  }

  #chat(peer: Peer, message: unknown): void {
    if (peer.room === undefined) refuse(peer, "Not in a room. Send a 'join' message first.")
    else if (typeof message !== 'string') refuse(peer, 'Message is required')
    else if (message.length > 1_000) refuse(peer, 'Message too long')
    else if (message.trim() === '') refuse(peer, 'Message cannot be empty')
    else this.#tell(peer.room, { type: 'chat_message', message, timestamp: now(), user_id: peer.userId })
  }

  #typing(peer: Peer, type: string): void {
    if (peer.room === undefined) refuse(peer, 'Not in a room')
    else this.#tell(peer.room, { type, user_id: peer.userId, timestamp: now() }, peer)
  }

  #join(peer: Peer, room: unknown): void {
    if (typeof room !== 'string' || room === '') {
      refuse(peer, 'room_id is required')
      return
    }
    this.#leave(peer)
    peer.room = room
    say(peer, { type: 'joined', room_id: room, message: `Welcome to room ${room}`, timestamp: now() })
    this.#tell(
      room,
      { type: 'user_joined', message: 'A user joined the room', count: this.#count(room) },
      peer,
    )
  }

  #leave(peer: Peer): void {
    const { room } = peer
    peer.room = undefined
    if (room !== undefined)
      this.#tell(room, { type: 'user_left', message: 'A user left the room', count: this.#count(room) })
  }

  #count(room: string): number {
    return [...this.#peers].filter((peer) => peer.room === room).length
  }

  #tell(room: string, frame: object, except?: Peer): void {
    for (const peer of this.#peers) if (peer.room === room && peer !== except) say(peer, frame)
  }
}

function say({ socket }: Peer, frame: object): void {
  socket.send(JSON.stringify(frame))
}

function refuse(peer: Peer, message: string): void {
  say(peer, { type: 'error', message, timestamp: now() })
}

function now(): string {
  return new Date().toISOString()
}
