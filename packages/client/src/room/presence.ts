import type { JsonObject } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import type { ConnectionDriver } from '../connection/connection-driver.js'
import type { Answer, PendingRequests, StartedRequest } from '../connection/pending-requests.js'
import { type Clock, Timer } from '../runtime/clock.js'

interface Services {
  readonly driver: ConnectionDriver
  readonly requests: PendingRequests
  readonly runtime: { readonly clock: Clock }
  failed(error: RoomfulError): void
}

/** This user's state in a room, kept and sent whenever the room is live. */
export class Presence {
  readonly #room: { readonly id: string; readonly isLive: boolean }
  readonly #client: Services
  readonly #retryTimer: Timer
  #state: JsonObject | undefined
  #request: StartedRequest | undefined

  constructor(room: { readonly id: string; readonly isLive: boolean }, client: Services) {
    this.#room = room
    this.#client = client
    this.#retryTimer = new Timer(client.runtime.clock)
  }

  set(state: unknown): void {
    // Copied here, so that a value that JSON cannot hold throws in the caller.
    this.#state = JSON.parse(JSON.stringify(state)) as JsonObject
    this.send()
  }

  forget(): void {
    this.#state = undefined
  }

  send(): void {
    if (!this.#state || !this.#room.isLive || this.#client.driver.mode !== 'full') return
    // A waiting request will send the newest state.
    if (this.#request?.isQueued) return
    this.#request = this.#client.requests.start(
      () => ({ type: 'presence', room_id: this.#room.id, state: this.#state }),
      (outcome) => this.#answered(outcome),
    )
  }

  /**
   * Only refusals are answered. After a temporary one the state is sent again, so that the others do not keep an old
   * one.
   */
  #answered(outcome: Answer | RoomfulError): void {
    if (!(outcome instanceof RoomfulError) || outcome.code === 'timeout' || outcome.code === 'not_connected')
      return
    if (outcome.temporary)
      this.#retryTimer.set(Math.max(outcome.retryAfterMs ?? 1_000, 100), () => this.send())
    else this.#client.failed(outcome)
  }
}
