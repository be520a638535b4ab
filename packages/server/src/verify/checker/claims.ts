import { by, type Entry, type Event, entriesOf, type History, type Violation } from './history.js'

interface Message {
  readonly user: string
  readonly text: string
  readonly clientId: string
}

/** Each place has one message, each message has one place, and somebody sent it. */
export function checkClaims(history: History): Violation[] {
  const claims = new Claims()
  for (const event of history) {
    if (event.kind === 'sent') claims.sent(event)
    if (event.kind === 'acked') claims.claim(event, { ...event.at, clientId: event.clientId })
    for (const entry of entriesOf(event)) {
      claims.claim(event, entry)
      claims.compare(event, entry)
    }
  }
  return claims.violations
}

type Claim = Pick<Entry, 'epoch' | 'offset' | 'id' | 'clientId'>

class Claims {
  readonly violations: Violation[] = []
  readonly #places = new Map<string, Claim>()
  readonly #ids = new Map<string, string>()
  readonly #clientIds = new Map<string, string>()
  readonly #messages = new Map<string, Message>()

  sent({ room, user, text, clientId }: Extract<Event, { kind: 'sent' }>): void {
    this.#messages.set(`${room} ${clientId}`, { user, text, clientId })
  }

  claim(event: Event, claim: Claim): void {
    const { epoch, offset, id, clientId } = claim
    const place = `${offset} of ${epoch}`
    const other = this.#claimed(this.#places, `${event.room} ${place}`, claim)
    if (other.id !== id || other.clientId !== clientId)
      this.#found('inconsistent', event, `${place} is ${show(other)}, and ${show(claim)}`)
    const placeOfId = this.#claimed(this.#ids, `${event.room} ${id}`, place)
    const placeOfMessage = this.#claimed(this.#clientIds, `${event.room} ${clientId}`, place)
    if (placeOfId !== place || placeOfMessage !== place)
      this.#found('duplicate', event, `${show(claim)} stands at ${placeOfMessage}, and at ${place}`)
  }

  /** Whether an entry is what its sender had sent by then. */
  compare(event: Event, { user, text, clientId, isForeign }: Entry): void {
    if (isForeign) return
    const message = this.#messages.get(`${event.room} ${clientId}`)
    if (message?.text !== text || message.user !== user)
      this.#found('invented', event, `'${text}' of ${user}, where '${message?.text}' was sent`)
  }

  #claimed<T>(known: Map<string, T>, key: string, claim: T): T {
    const before = known.get(key)
    if (before === undefined) known.set(key, claim)
    return before ?? claim
  }

  #found(kind: Violation['kind'], event: Event, what: string): void {
    this.violations.push({ kind, room: event.room, what: `${by(event)} was shown: ${what}` })
  }
}

const show = ({ id, clientId }: Claim) => `${clientId} (${id})`
