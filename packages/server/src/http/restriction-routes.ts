import type { ApiServer } from './api-server.js'
import { noBody, noQuery, nothing, optionalJson, type Route, route } from './route.js'
import { Restriction } from './schemas.js'

type Room = ReturnType<ApiServer['room']>
type Begin = (userId: string, options?: { readonly forMs?: number }) => Promise<void>
type End = (userId: string) => Promise<void>
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
