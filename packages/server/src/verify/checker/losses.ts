import { by, type Entry, entriesOf, type History, type Page, type Violation } from './history.js'

/** Everything that was acknowledged or shown to anybody is in the log that was read at the end, at the same place. */
export function checkLosses(history: History): Violation[] {
  const logs = finalLogs(history)
  return history.flatMap((event): Violation[] => {
    const claims = event.kind === 'acked' ? [{ ...event.at, clientId: event.clientId }] : entriesOf(event)
    const log = logs.get(event.room)
    return claims
      .filter(({ epoch, offset, id }) => log?.get(`${offset} ${epoch}`)?.id !== id)
      .map(({ epoch, offset, clientId }) => {
        const how = event.kind === 'acked' ? 'acknowledged' : 'shown'
        return {
          kind: 'lost',
          room: event.room,
          lost: { clientId, epoch, offset },
          what: `${by(event)} was ${how} ${clientId} at ${offset} of ${epoch}, which is gone`,
        }
      })
  })
}

/** For each room, the pages of the connection that read it last. */
function finalLogs(history: History): ReadonlyMap<string, ReadonlyMap<string, Entry>> {
  const pages = history.filter((event): event is Page => event.kind === 'page')
  const auditors = new Map(pages.map(({ room, connection }) => [room, connection]))
  const logs = new Map<string, Map<string, Entry>>()
  for (const { room, connection, entries } of pages) {
    if (auditors.get(room) !== connection) continue
    const log = logs.get(room) ?? new Map<string, Entry>()
    logs.set(room, log)
    for (const entry of entries) log.set(`${entry.offset} ${entry.epoch}`, entry)
  }
  return logs
}
