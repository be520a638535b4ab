import type { Clock } from '../../api/contracts/clock.js'
import type { Limits } from '../../api/options/limits.js'
import { ExpiryQueue } from '../../util/expiry-queue.js'
import type { Replies } from '../connection/replies.js'
import type { Broadcasts } from './broadcasts.js'
import type { Room } from './room.js'

interface Typer {
  readonly room: Room
  readonly userId: string
  readonly connectionId: string
}

/** Shows members who is typing, until they stop or do not renew it. */
export class TypingNotices {
  readonly #expiry: ExpiryQueue<string>
  readonly #typers = new Map<string, Typer>()

  constructor(
    private readonly broadcasts: Broadcasts,
    private readonly replies: Replies,
    private readonly clock: Clock,
    private readonly limits: Limits,
  ) {
    this.#expiry = new ExpiryQueue(limits.typingMs)
  }

  start(room: Room, userId: string, connectionId: string): void {
    const key = keyOf(room, connectionId)
    const now = this.clock.now()
    if (!this.#expiry.has(key) && room.typing.isFull(userId, this.limits.typersPerRoom)) return
    this.#expiry.touch(key, now)
    this.#typers.set(key, { room, userId, connectionId })
    if (room.typing.start(userId, connectionId, now))
      this.#broadcast(room, userId, connectionId, 'user_typing')
  }

  stop(room: Room, userId: string, connectionId: string): void {
    if (!room.typing.has(userId)) return
    const key = keyOf(room, connectionId)
    this.#expiry.delete(key)
    this.#typers.delete(key)
    if (room.typing.stop(userId, connectionId))
      this.#broadcast(room, userId, connectionId, 'user_stopped_typing')
  }

  /**
   * Handles a client's `typing_stop`. The others get it even if they already know, unless the user is still typing on
   * another connection.
   */
  reportStopped(room: Room, userId: string, connectionId: string): void {
    const wasTyping = room.typing.has(userId)
    this.stop(room, userId, connectionId)
    if (!wasTyping) this.#broadcast(room, userId, connectionId, 'user_stopped_typing')
  }

  /** Ends the notices that were not renewed. */
  sweep(now: number): void {
    for (const key of this.#expiry.takeExpired(now)) {
      const typer = this.#typers.get(key)
      if (typer) this.stop(typer.room, typer.userId, typer.connectionId)
    }
  }

  #broadcast(
    room: Room,
    userId: string,
    exceptConnection: string,
    type: 'user_typing' | 'user_stopped_typing',
  ): void {
    const message = { type, user_id: userId, timestamp: this.replies.timestamp() }
    this.broadcasts.send({ to: 'streams', targets: [room.stream], payload: { message, exceptConnection } })
  }
}

function keyOf(room: Room, connectionId: string): string {
  return `${connectionId} ${room.stream}`
}
