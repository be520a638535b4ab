import type { RoomfulError } from '@roomful/protocol/wire'
import type { ConnectionDriver } from '../connection/connection-driver.js'
import type { PendingRequests } from '../connection/pending-requests.js'
import { type Clock, Timer } from '../runtime/clock.js'

/** What an anonymous user shows to others. */
export interface Profile {
  /** A text on one line. */
  readonly name?: string | undefined
  /** A URL that begins with `https:` or `http:`. */
  readonly avatar?: string | undefined
}

interface Services {
  readonly driver: ConnectionDriver
  readonly requests: PendingRequests
  readonly runtime: { readonly clock: Clock }
  failed(error: RoomfulError): void
}

/** This user's profile, kept and sent on every connection, before the rooms are joined. */
export class OwnProfile {
  readonly #client: Services
  readonly #retryTimer: Timer
  #profile: Profile | undefined

  constructor(client: Services) {
    this.#client = client
    this.#retryTimer = new Timer(client.runtime.clock)
  }

  set(profile: Profile | undefined): void {
    this.#profile = profile && { ...profile }
    this.send()
  }

  send(): void {
    if (!this.#profile || this.#client.driver.mode !== 'full') return
    const frame = { type: 'set_profile', profile: this.#profile }
    this.#client.requests.ask(frame).catch((error: RoomfulError) => {
      if (error.code === 'not_connected') return
      if (error.temporary) this.#retryTimer.set(error.retryAfterMs ?? 1_000, () => this.send())
      else this.#client.failed(error)
    })
  }
}
