import type { History, ViolationKind } from '../../packages/server/src/verify/checker/history.js'
import type { Random } from '../sim/random.js'
import {
  changeLog,
  logOf,
  mapEntries,
  nextOf,
  pick,
  replace,
  swapMessages,
  wasAckedBefore,
} from './spoiling.js'

interface Fault {
  readonly kind: ViolationKind
  /** Returns `undefined` if the fault cannot be shown in this history. */
  readonly spoil: (history: History, random: Random) => History | undefined
}

/** Faults of a server, as they show in what its clients saw. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'the newest entry is gone after a restart': {
    kind: 'lost',
    spoil: (history) => changeLog(history, (log) => log.slice(0, -1)),
  },
  'the log has another name after a restart': {
    kind: 'lost',
    spoil: (history) => changeLog(history, (log) => log.map((entry) => ({ ...entry, epoch: 'another' }))),
  },
  'an entry has another id after a restart': {
    kind: 'lost',
    spoil: (history) => changeLog(history, (log) => log.map((entry) => ({ ...entry, id: `${entry.id}+` }))),
  },
  'a repeat is appended once more': {
    kind: 'duplicate',
    spoil: (history, random) => {
      const at = history.length - 1
      const last = history[at]
      if (last?.kind !== 'page') return undefined
      const again = { ...random.pick(logOf(history)), offset: logOf(history).length + 1, id: 'again' }
      return replace(history, at, { ...last, entries: [...last.entries, again] })
    },
  },
  'a repeat is acknowledged at another place': {
    kind: 'duplicate',
    spoil: (history, random) => {
      const found = pick(history, random, 'acked')
      if (!found) return undefined
      const at = { ...found.event.at, offset: found.event.at.offset + 1 }
      return history.toSpliced(found.at + 1, 0, { ...found.event, duplicate: true, at })
    },
  },
  'two readers are shown different messages at one offset': {
    kind: 'inconsistent',
    spoil: (history, random) => {
      const found = pick(history, random, 'delivered', ({ entry }) => entry.offset > 1)
      const other = logOf(history)[0]
      if (!found || !other) return undefined
      const entry = { ...other, offset: found.event.entry.offset }
      return replace(history, found.at, { ...found.event, entry })
    },
  },
  'an acknowledgement names the place of another message': {
    kind: 'inconsistent',
    spoil: (history, random) => {
      const found = pick(history, random, 'acked', ({ at }) => at.offset > 1)
      if (!found) return undefined
      const at = { ...found.event.at, offset: found.event.at.offset - 1 }
      return replace(history, found.at, { ...found.event, at })
    },
  },
  'a reader misses an entry': {
    kind: 'hole',
    spoil: (history, random) => {
      const found = pick(history, random, 'delivered', (_, at) => nextOf(history, at)?.kind === 'delivered')
      return found && history.toSpliced(found.at, 1)
    },
  },
  'a page lacks an entry': {
    kind: 'hole',
    spoil: (history, random) => {
      const found = pick(history, random, 'page', ({ entries }) => entries.length > 2)
      if (!found) return undefined
      return replace(history, found.at, { ...found.event, entries: found.event.entries.toSpliced(1, 1) })
    },
  },
  'a resume leaves out its first entry': {
    kind: 'hole',
    spoil: (history, random) => {
      const found = pick(
        history,
        random,
        'joined',
        ({ recovered, entries }) => recovered === true && entries.length > 0,
      )
      return found && replace(history, found.at, { ...found.event, entries: found.event.entries.slice(1) })
    },
  },
  'a reader is shown an entry twice': {
    kind: 'non-monotonic',
    spoil: (history, random) => {
      const found = pick(history, random, 'delivered')
      return found && history.toSpliced(found.at, 0, found.event)
    },
  },
  'a read shows less than was known before': {
    kind: 'non-monotonic',
    spoil: (history) => {
      const at = history.findIndex(({ client }) => client === 'auditor')
      const audit = history[at]
      if (audit?.kind !== 'page') return undefined
      const read = { client: 'bob', connection: 'bob/99', entries: logOf(history).slice(0, -1), more: false }
      return history.toSpliced(at, 0, { ...audit, ...read, askedAt: at })
    },
  },
  'a join shows less than was known before': {
    kind: 'non-monotonic',
    spoil: (history) => {
      const entries = logOf(history).slice(0, -1)
      const cursor = entries.at(-1)
      const at = history.findIndex(({ client }) => client === 'auditor')
      const audit = history[at]
      if (audit?.kind !== 'page' || !cursor) return undefined
      const { room } = audit
      const seen = { client: 'new', connection: 'new/1', room, askedAt: at }
      return history.toSpliced(at, 0, { kind: 'joined', ...seen, entries, cursor, more: false })
    },
  },
  'acknowledgements of one connection change places': {
    kind: 'order',
    spoil: (history, random) => {
      const found = pick(history, random, 'acked', (_, at) => nextOf(history, at)?.kind === 'acked')
      const next = found && nextOf(history, found.at)
      if (!found || !next) return undefined
      return history.with(history.indexOf(next), found.event).with(found.at, next)
    },
  },
  'what was sent later gets the lower offset': {
    kind: 'order',
    spoil: (history) =>
      swapMessages(
        history,
        (first, second) => first.user !== second.user && wasAckedBefore(history, first, second),
      ),
  },
  'the messages of one sender change places': {
    kind: 'order',
    spoil: (history) => swapMessages(history, (first, second) => first.user === second.user),
  },
  'a text is not what was sent': {
    kind: 'invented',
    spoil: (history, random) => {
      const { id } = random.pick(logOf(history))
      return mapEntries(history, (entry) => (entry.id === id ? { ...entry, text: 'other' } : entry))
    },
  },
  'a message has another sender': {
    kind: 'invented',
    spoil: (history, random) => {
      const { id } = random.pick(logOf(history))
      return mapEntries(history, (entry) => (entry.id === id ? { ...entry, user: 'eve' } : entry))
    },
  },
  'a reader cannot go on': {
    kind: 'break',
    spoil: (history, random) => {
      const found = pick(history, random, 'joined', ({ recovered }) => recovered === true)
      return found && replace(history, found.at, { ...found.event, recovered: false })
    },
  },
}
