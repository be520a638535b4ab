import type { Room } from '@roomful/client'
import type { RoomInfo } from '@roomful/server'
import type { Oracle, Seen } from './oracle.js'
import type { Person } from './person.js'
import { type SimProtocol, textIn } from './protocol.js'
import { type Count, countsOf, words } from './reacted.js'

/** What must hold of one room of one client once the network has been whole for a while. */
export function checkRoom(info: RoomInfo, person: Person, oracle: Oracle): void {
  const { viewer, client } = person
  const room = client.room(info.roomId)
  const fail = (what: string) => oracle.fail(`${viewer} in ${info.roomId} at the end: ${what}`)
  const { state } = room.status.get()
  if (client.status.get().state !== 'online') fail(`the client is ${client.status.get().state}`)
  if (state !== 'live') fail(`the room is ${state}`)
  const last = oracle.lastSeen(viewer, info.roomId)
  if (last?.id !== info.head.id) fail(`saw ${last?.offset} as the last of ${info.head.offset}`)
  if (room.typing.get().length > 0) fail(`${room.typing.get()} still type`)
  checkMembers(info, room, fail)
  checkTimeline(info, person, oracle, fail)
}

/** Those who are in the room are those who should be, and nobody else. A base client has a user id of the server's. */
export function checkPresent(
  info: RoomInfo,
  people: readonly Person[],
  guests: number,
  oracle: Oracle,
): void {
  const present = new Set(info.members?.map(({ userId }) => userId))
  const expected = new Set(people.map(({ client }) => client.user.get() ?? ''))
  const missing = [...expected].filter((id) => !present.has(id))
  if (missing.length > 0) oracle.fail(`${info.roomId} misses ${missing} at the end`)
  const strangers = [...present].filter((id) => !expected.has(id))
  if (strangers.length !== guests) oracle.fail(`${info.roomId} shows ${strangers} at the end`)
}

/** The state that a user set last is the one that the room shows. */
export function checkState(info: RoomInfo, { client, name, states }: Person, oracle: Oracle): void {
  if (!states.has(info.roomId)) return
  const set = JSON.stringify(states.get(info.roomId))
  const shown = JSON.stringify(info.members?.find(({ userId }) => userId === client.user.get())?.state)
  if (set !== shown) oracle.fail(`${name} set ${set} in ${info.roomId}, which shows ${shown}`)
}

type Fail = (what: string) => void

function checkMembers(info: RoomInfo, room: Room<SimProtocol>, fail: Fail): void {
  const truth = info.members?.map(({ userId, state }) => `${userId} ${JSON.stringify(state)}`)
  const shown = room.members.get().map(({ user_id, state }) => `${user_id} ${JSON.stringify(state)}`)
  if (shown.sort().join() !== truth?.sort().join()) fail(`shows ${shown}, and there are ${truth}`)
  if (room.occupancy.get() !== info.count) fail(`counts ${room.occupancy.get()} of ${info.count}`)
}

/**
 * Nothing is shown twice or as under way for ever, and each message as it is; what follows the last break is the log's end
 * without a hole.
 */
function checkTimeline(info: RoomInfo, { viewer, client }: Person, oracle: Oracle, fail: Fail): void {
  const { roomId, head } = info
  const user = client.user.get() ?? ''
  const shown = new Set<string>()
  let last: number | undefined
  let hole: string | undefined
  const above = new Set<number>()
  // A fork after which so much was written that nothing is kept of where it began is told as 'expired'. An entry that is
  // shown above the break stays there.
  const isNotMissing = (offset: number) =>
    above.has(offset) ||
    oracle.isAmendmentAt(roomId, head.epoch, offset) ||
    oracle.hasLostAt(roomId, head.epoch, offset)
  const areElsewhere = (from: number, to: number) => {
    for (let offset = from; offset < to; offset++) if (!isNotMissing(offset)) return false
    return from < to
  }
  const entries = client.room(roomId).timeline.get()
  const lastBreak = entries.findLastIndex(({ kind }) => kind === 'break')
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'break') {
      // What stood before a fork and was sent again stands behind it now.
      if (hole !== undefined && entry.reason !== 'forked') fail(hole)
      hole = undefined
      last = undefined
      continue
    }
    const { client_id: clientId, offset, epoch, id } = entry.message as Partial<Seen> & { client_id?: string }
    if (entry.state === 'pending') fail(`${clientId} is still pending`)
    if (entry.amendment === 'pending') fail(`an amendment of ${id} is still pending`)
    if (clientId !== undefined && shown.has(clientId)) fail(`${clientId} is shown twice`)
    if (clientId !== undefined) shown.add(clientId)
    if (entry.state !== 'sent' || epoch !== head.epoch || offset === undefined || id === undefined) continue
    const [text, truth] = [textIn(entry.message), oracle.fold.textOf(id)]
    // What changed a message while nothing was heard of it cannot be read once the message is gone, nor can what it was
    // before an amendment that was acknowledged and is lost.
    const isHeard = index > lastBreak && oracle.hasRead(viewer, roomId, id)
    const isKnown = oracle.keeps(id) || (isHeard && oracle.fold.lostOf(id).length === 0)
    if (text !== truth && isKnown) fail(`shows '${text}' at ${offset}, which says '${truth}'`)
    if (isKnown) checkReactions(entry.message, user, oracle, fail)
    if (last !== undefined && offset !== last + 1 && !areElsewhere(last + 1, offset))
      hole ??= `shows ${offset} after ${last}`
    above.add(offset)
    last = offset
  }
  if (hole !== undefined) fail(hole)
  if (last !== head.offset) fail(`shows ${last} as the last of ${head.offset}`)
}

/** Who reacted to a message that is kept no longer cannot be read any more, so only the counts need to be true. */
function checkReactions(message: Reactable, user: string, oracle: Oracle, fail: Fail): void {
  const { id = '', offset, reactions = [] } = message
  const truth = oracle.fold.reactionsTo(id)
  const own = reactions.filter((one) => one.own)
  const trueOwn = truth.filter(({ users }) => users.includes(user))
  if (words(reactions) !== words(countsOf(truth)))
    fail(`shows the reactions '${words(reactions)}' at ${offset}, which are '${words(countsOf(truth))}'`)
  if (oracle.keeps(id) && names(own) !== names(trueOwn))
    fail(`shows '${names(own)}' as its own reactions at ${offset}, which are '${names(trueOwn)}'`)
}

interface Reactable {
  readonly id?: string | undefined
  readonly offset?: number | undefined
  readonly reactions?: readonly (Count & { readonly own?: true })[] | undefined
}

function names(reactions: readonly { readonly reaction: string }[]): string {
  return reactions.map(({ reaction }) => reaction).join(' ')
}
