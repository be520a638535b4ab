import type { ListedRestriction, ListOptions, RestrictionList, RestrictionOptions } from '../api/api.js'
import type { ApiServer } from './api-server.js'
import { noBody, noQuery, nothing, optionalJson, type Route, route } from './route.js'
import { ListPage, Restriction, RestrictionList as RestrictionListSchema } from './schemas.js'

type Room = ReturnType<ApiServer['room']>
type Begin = (userId: string, options?: RestrictionOptions) => Promise<void>
type End = (userId: string) => Promise<void>
type List = (options: ListOptions) => Promise<RestrictionList>
type Param = (name: 'room' | 'user') => string

const roomPath = '/rooms/{room}/members/{user}'

/** Who may not write in a room, not enter it, or not connect at all. */
export const restrictionRoutes: readonly Route[] = [
  begins('muteMember', `${roomPath}/mute`, 'Refuses the messages of a user in a room', inRoom('mute')),
  ends('unmuteMember', `${roomPath}/unmute`, 'Ends a mute', inRoom('unmute')),
  begins(
    'banMember',
    `${roomPath}/ban`,
    'Removes a user from a room, and refuses their joins',
    inRoom('ban'),
  ),
  ends('unbanMember', `${roomPath}/unban`, 'Ends a ban from a room', inRoom('unban')),
  begins('banUser', '/users/{user}/ban', 'Closes the connections of a user, and refuses new ones', (server) =>
    server.ban.bind(server),
  ),
  ends('unbanUser', '/users/{user}/unban', 'Ends a ban from the server', (server) =>
    server.unban.bind(server),
  ),
  lists(
    'listRoomRestrictions',
    '/rooms/{room}/restrictions',
    'Lists who is muted in a room or banned from it',
    (server, param) => server.room(param('room')).listRestrictions,
  ),
  lists('listRestrictions', '/restrictions', 'Lists who is banned from the server', (server) =>
    server.listRestrictions.bind(server),
  ),
]

function inRoom<C extends keyof Pick<Room, 'mute' | 'unmute' | 'ban' | 'unban'>>(call: C) {
  return (server: ApiServer, param: Param): Room[C] => server.room(param('room'))[call]
}

function begins(
  name: string,
  path: string,
  summary: string,
  callOf: (server: ApiServer, param: Param) => Begin,
): Route {
  return route({
    name,
    method: 'POST',
    path,
    summary,
    query: noQuery,
    body: optionalJson(Restriction),
    answer: nothing,
    async run(server, { param, body: { for_ms: forMs } }) {
      await callOf(server, param)(param('user'), forMs === undefined ? {} : { forMs })
      return undefined
    },
  })
}

function ends(
  name: string,
  path: string,
  summary: string,
  callOf: (server: ApiServer, param: Param) => End,
): Route {
  return route({
    name,
    method: 'POST',
    path,
    summary,
    query: noQuery,
    body: noBody,
    answer: nothing,
    async run(server, { param }) {
      await callOf(server, param)(param('user'))
      return undefined
    },
  })
}

function lists(
  name: string,
  path: string,
  summary: string,
  callOf: (server: ApiServer, param: Param) => List,
): Route {
  return route({
    name,
    method: 'GET',
    path,
    summary,
    query: ListPage,
    body: noBody,
    answer: RestrictionListSchema,
    async run(server, { param, query: { after, limit } }) {
      const page = { ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) }
      const { restrictions, more } = await callOf(server, param)(page)
      return { restrictions: restrictions.map(listed), more }
    },
  })
}

function listed({ userId, muted, banned }: ListedRestriction) {
  const timed = ({ forMs }: RestrictionOptions) => (forMs === undefined ? {} : { for_ms: forMs })
  return {
    user_id: userId,
    ...(muted && { muted: timed(muted) }),
    ...(banned && { banned: timed(banned) }),
  }
}
