import {
  type Entry,
  type Event,
  entriesOf,
  type History,
} from '../../packages/server/src/verify/checker/history.js'
import type { Random } from '../sim/random.js'

type Kind = Event['kind']
export type OfKind<K extends Kind> = Extract<Event, { readonly kind: K }>

/** An event at its place in a history. */
export interface Found<K extends Kind> {
  readonly at: number
  readonly event: OfKind<K>
}

/** A random event of a kind that satisfies the condition; `undefined` if there is none. */
export function pick<K extends Kind>(
  history: History,
  random: Random,
  kind: K,
  isRight: (event: OfKind<K>, at: number) => boolean = () => true,
): Found<K> | undefined {
  const found = history.flatMap((event, at) => {
    const right = event as OfKind<K>
    return event.kind === kind && isRight(right, at) ? [{ at, event: right }] : []
  })
  return found.length > 0 ? random.pick(found) : undefined
}

export function replace(history: History, at: number, event: Event): History {
  return history.with(at, event)
}

/** The next event that a connection saw. */
export function nextOf(history: History, at: number): Event | undefined {
  const connection = history[at]?.connection
  return history.slice(at + 1).find((event) => event.connection === connection && event.kind !== 'sent')
}

/** The whole log, as it was read at the end. */
export function logOf(history: History): readonly Entry[] {
  return history.flatMap((event) => (event.client === 'auditor' ? entriesOf(event) : []))
}

export function mapEntries(
  history: History,
  change: (entry: Entry) => Entry,
  isMeant: (event: Event) => boolean = () => true,
): History {
  return history.map((event): Event => {
    if (!isMeant(event)) return event
    if (event.kind === 'delivered') return { ...event, entry: change(event.entry) }
    if (event.kind === 'joined' || event.kind === 'page')
      return { ...event, entries: event.entries.map(change) }
    return event
  })
}

/** Changes the log that was read at the end. */
export function changeLog(history: History, change: (log: readonly Entry[]) => readonly Entry[]): History {
  const kept = new Map(change(logOf(history)).map((entry) => [entry.offset, entry]))
  return history.map((event): Event => {
    if (event.kind !== 'page' || event.client !== 'auditor') return event
    return { ...event, entries: event.entries.flatMap(({ offset }) => kept.get(offset) ?? []) }
  })
}

/** Exchanges the places of two messages, wherever anybody saw them. */
export function swapMessages(
  history: History,
  isRight: (first: Entry, second: Entry) => boolean,
): History | undefined {
  const log = logOf(history)
  const pairs = log.flatMap((first, index) => log.slice(index + 1).map((second) => [first, second] as const))
  const pair = pairs.find(([first, second]) => isRight(first, second))
  if (!pair) return undefined
  const [first, second] = pair
  const messageAt = new Map([
    [first.offset, second],
    [second.offset, first],
  ])
  const swapped = mapEntries(history, (entry) => {
    const { user, clientId, text } = messageAt.get(entry.offset) ?? entry
    return { ...entry, user, clientId, text }
  })
  return swapped.map((event): Event => {
    if (event.kind !== 'acked') return event
    const at =
      event.clientId === first.clientId ? second : event.clientId === second.clientId ? first : event.at
    return { ...event, at }
  })
}

/** Whether an entry was acknowledged before a message was first sent. */
export function wasAckedBefore(history: History, entry: Entry, { clientId }: Entry): boolean {
  const sentAt = history.findIndex((event) => event.kind === 'sent' && event.clientId === clientId)
  return history.slice(0, sentAt).some((event) => event.kind === 'acked' && event.clientId === entry.clientId)
}
