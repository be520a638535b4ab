import type { RoomfulError } from '@roomful/protocol/wire'
import type { ConnectionDriver } from '../connection/connection-driver.js'
import type { Answer, PendingRequests, StartedRequest } from '../connection/pending-requests.js'
import type { RoomEffect } from './room-state.js'

interface Services {
  readonly driver: ConnectionDriver
  readonly requests: PendingRequests
}

/** Sends a room's joins and leaves, so that only the latest one counts. */
export class MembershipRequests {
  readonly #roomId: string
  readonly #client: Services
  /** Grows with each join that is sent, so that the answer to an earlier one is known to be late. */
  #joins = 0
  #join: StartedRequest | undefined
  #leave: StartedRequest | undefined

  constructor(roomId: string, client: Services) {
    this.#roomId = roomId
    this.#client = client
  }

  /**
   * A base server's answer has no `ref`, so it does not come here. `isLate`: the join has been given up, and another one may
   * have been sent.
   */
  join(
    { since, history, isPage }: Extract<RoomEffect, { type: 'send_join' }>,
    answered: (outcome: Answer | RoomfulError, isLate: boolean) => void,
  ): void {
    this.withdraw()
    // If it were sent after the join, it would end the new membership.
    this.#leave?.sendNow()
    const join = this.#joins
    const base = { type: 'join', room_id: this.#roomId }
    if (this.#client.driver.mode === 'base') this.#client.driver.trySend(base)
    else
      this.#join = this.#client.requests.start(
        () => ({ ...base, since, history }),
        (outcome) => answered(outcome, join !== this.#joins),
        { budget: isPage ? 'none' : 'joins' },
      )
  }

  /** Withdraws the latest join, whose answer is then late. If it still waited, it would undo what comes after it. */
  withdraw(): void {
    this.#joins++
    this.#join?.withdraw()
  }

  /** Resolves in any case: a broken connection ends the membership as well. */
  leave(): Promise<unknown> {
    return new Promise<unknown>((resolve) => {
      this.#leave = this.#client.requests.start(() => ({ type: 'leave', room_id: this.#roomId }), resolve)
    })
  }
}
