import { HighWater } from './high-water.js'
import { by, type Event, entriesOf, type History, type Place, type Violation } from './history.js'
import { firstSendings } from './sendings.js'

type Acked = Extract<Event, { kind: 'acked' }>

/** Offsets follow the order of acknowledgements, of time, and of what each sender sent. */
export function checkOrder(history: History): Violation[] {
  return [...checkAcks(history), ...checkTime(history), ...checkSenders(history)]
}

/** On one connection, acknowledgements and their offsets follow the order of the messages. */
function checkAcks(history: History): Violation[] {
  const violations: Violation[] = []
  const waiting = new Map<string, string[]>()
  const last = new Map<string, Acked>()
  for (const event of history) {
    if (event.kind === 'sent') getOrAdd(waiting, event.connection).push(event.clientId)
    if (event.kind !== 'acked' && event.kind !== 'refused') continue
    const next = waiting.get(event.connection)?.shift()
    if (next !== event.clientId)
      violations.push({
        kind: 'order',
        room: event.room,
        what: `${by(event)} was answered ${event.clientId} before ${next}`,
      })
    if (event.kind !== 'acked' || event.duplicate) continue
    const before = last.get(event.connection)
    if (before?.at.epoch === event.at.epoch && before.at.offset >= event.at.offset)
      violations.push({
        kind: 'order',
        room: event.room,
        what: `${by(event)} was acknowledged ${event.at.offset} after ${before.at.offset}`,
      })
    last.set(event.connection, event)
  }
  return violations
}

/** A message that is sent after anybody knew an offset gets a higher one. */
function checkTime(history: History): Violation[] {
  const known = new HighWater(history)
  const sentAt = firstSendings(history)
  return history.flatMap((event): Violation[] => {
    if (event.kind !== 'acked') return []
    const before = known.before(event.room, event.at.epoch, sentAt.get(event.clientId) ?? 0)
    if (event.at.offset > before) return []
    const what = `${by(event)} was acknowledged ${event.at.offset}, and ${before} was known before it was sent`
    return [{ kind: 'order', room: event.room, what }]
  })
}

/** The messages of one sender are in the log in the order in which they were first sent. */
function checkSenders(history: History): Violation[] {
  const sentAt = firstSendings(history)
  const senders = new Map<string, { readonly room: string; readonly places: Map<string, Place> }>()
  const owners = new Map<string, string>()
  for (const event of history) {
    if (event.kind === 'sent') owners.set(event.clientId, `${event.client} in ${event.room}`)
    for (const entry of entriesOf(event)) {
      const owner = owners.get(entry.clientId)
      if (owner === undefined) continue
      const log = `${owner}, ${entry.epoch}`
      const sender = senders.get(log) ?? { room: event.room, places: new Map<string, Place>() }
      senders.set(log, sender)
      sender.places.set(entry.clientId, entry)
    }
  }
  return [...senders].flatMap(([sender, { room, places }]) => {
    const byTime = [...places].sort(([a], [b]) => (sentAt.get(a) ?? 0) - (sentAt.get(b) ?? 0))
    return byTime.flatMap(([, { offset }], index): Violation[] => {
      const before = byTime[index - 1]?.[1]
      if (!before || before.offset < offset) return []
      return [
        {
          kind: 'order',
          room,
          what: `${sender}: what was sent first stands at ${before.offset}, then ${offset}`,
        },
      ]
    })
  })
}

function getOrAdd<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key) ?? []
  map.set(key, known)
  return known
}
