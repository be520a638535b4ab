import type { ApiServer } from './api-server.js'
import { noBody, noQuery, nothing, optionalJson, type Route, route } from './route.js'
import { Restriction } from './schemas.js'

type Room = ReturnType<ApiServer['room']>

/** Who may not write in a room, or not enter it. */
export const restrictionRoutes: readonly Route[] = [
  begins('muteMember', 'mute', 'Refuses the messages of a user in a room'),
  ends('unmuteMember', 'unmute', 'Ends a mute'),
  begins('banMember', 'ban', 'Removes a user from a room, and refuses their joins'),
  ends('unbanMember', 'unban', 'Ends a ban'),
]

function begins(name: string, call: keyof Pick<Room, 'mute' | 'ban'>, summary: string): Route {
  return route({
    name,
    method: 'POST',
    path: `/rooms/{room}/members/{user}/${call}`,
    summary,
    query: noQuery,
    body: optionalJson(Restriction),
    answer: nothing,
    async run(server, { param, body: { for_ms: forMs } }) {
      await server.room(param('room'))[call](param('user'), forMs === undefined ? {} : { forMs })
      return undefined
    },
  })
}

function ends(name: string, call: keyof Pick<Room, 'unmute' | 'unban'>, summary: string): Route {
  return route({
    name,
    method: 'POST',
    path: `/rooms/{room}/members/{user}/${call}`,
    summary,
    query: noQuery,
    body: noBody,
    answer: nothing,
    async run(server, { param }) {
      await server.room(param('room'))[call](param('user'))
      return undefined
    },
  })
}
