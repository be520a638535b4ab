import type { OccupancyChange } from '../api/contracts/backplane.js'
import { pause } from '../api/contracts/clock.js'
import { isoTime } from '../util/iso-time.js'
import { Lanes } from '../util/lanes.js'
import { randomId } from '../util/random-id.js'
import { backOff } from './back-off.js'
import type { Delivery, DeliveryDeps, Message } from './delivery.js'
import type { Endpoint, OccupancyEvent } from './endpoint.js'

interface Waiting extends Message {
  readonly roomId: string
}

/** Further events are dropped: nothing else limits how many would wait in memory for a dead endpoint. */
const MOST_WAITING = 1_000
const ATTEMPTS = 3

/** Reports to one endpoint who joins and leaves rooms. Events are kept in memory alone, and dropped after a few attempts. */
export class OccupancySender {
  readonly #lanes = new Lanes<Waiting>(
    ({ roomId }) => roomId,
    1,
    ([event]) => this.#handle(event),
  )
  readonly #stopping = new AbortController()
  #waiting = 0

  constructor(
    private readonly endpoint: Endpoint,
    private readonly delivery: Delivery,
    private readonly deps: DeliveryDeps,
  ) {}

  readonly changed = (roomId: string, { event, userId: user_id, count }: OccupancyChange): void => {
    this.#add(event === 'enter' ? 'user_joined' : 'user_left', roomId, { room_id: roomId, user_id, count })
    if (event === 'leave' && count === 0) this.#add('room_emptied', roomId, { room_id: roomId })
  }

  /** Drops the events that wait. Resolves once no request is in flight. */
  stop(): Promise<void> {
    this.#stopping.abort()
    return this.#lanes.settled()
  }

  #add(type: OccupancyEvent, roomId: string, data: object): void {
    if (!this.endpoint.occupancy.has(type) || this.#stopping.signal.aborted) return
    if (this.#waiting >= MOST_WAITING) {
      this.#drop('too many events wait')
      return
    }
    this.#waiting++
    const timestamp = isoTime(this.deps.clock.wallTime())
    this.#lanes.add([{ roomId, id: randomId(), body: () => ({ type, timestamp, data }) }])
  }

  async #handle(event: Waiting | undefined): Promise<boolean> {
    const why = event && (await this.#deliver(event))
    this.#waiting--
    if (why !== undefined) this.#drop(why)
    return true
  }

  /** Resolves with the reason if the event has to be dropped. */
  async #deliver(event: Waiting): Promise<string | undefined> {
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt++) {
      const failure = await this.delivery.send(event, signal)
      if (!failure || failure.isFinal || attempt === ATTEMPTS) return failure?.why
      await pause(this.deps.clock, backOff(attempt, this.endpoint.retryMs, this.deps.random()), signal)
    }
    return 'the webhooks were stopped'
  }

  #drop(why: string): void {
    const { label } = this.endpoint
    this.deps.count('dropped', label)
    this.deps.logger.warn({ endpoint: label, why }, 'webhooks: an event of a room was dropped')
  }
}
