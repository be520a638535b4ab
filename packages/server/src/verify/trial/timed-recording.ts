import type { Event } from '../checker/history.js'
import { Recording } from '../checker/recording.js'
import type { Tally } from './tally.js'

/** Refusals that are limits of the server, and no faults. */
const EXAMPLES = 20
const LIMITS = new Set(['rate_limited', 'too_many_connections', 'room_limit', 'draining'])

/** A recording that also counts, and measures how long acknowledgements take. */
export class TimedRecording extends Recording {
  /** Codes of refusals, and the first texts. */
  readonly refusals = new Set<string>()
  readonly #sentAt = new Map<string, number>()
  readonly #known = new Set<string>()

  constructor(
    patienceMs: number,
    private readonly tally: Tally,
    private readonly live: (client: string) => void,
  ) {
    super(patienceMs)
  }

  override add(event: Event): void {
    this.#measure(event)
    super.add(event)
  }

  override complain(what: string, code = 'other'): void {
    if (LIMITS.has(code)) this.tally.limited(code)
    else this.refusals.add(code)
    if (!LIMITS.has(code) && this.complaints.length < EXAMPLES) super.complain(what, code)
  }

  #measure(event: Event): void {
    const { tally } = this
    switch (event.kind) {
      case 'sent':
        // Each time anew: what an outage takes is no time of an acknowledgement.
        this.#sentAt.set(event.clientId, performance.now())
        if (this.#known.has(event.clientId)) break
        this.#known.add(event.clientId)
        tally.sent++
        break
      case 'acked':
        tally.ackMs.add(performance.now() - (this.#sentAt.get(event.clientId) ?? performance.now()))
        tally.acked++
        if (event.duplicate) tally.repeats++
        break
      case 'refused':
        if (LIMITS.has(event.code)) tally.limited(event.code)
        break
      case 'delivered':
        tally.shown++
        break
      case 'joined':
        tally.shown += event.entries.length
        if (!event.more) this.live(event.client)
        break
      default:
        break
    }
  }
}
