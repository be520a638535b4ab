import type { Target } from '@roomful/protocol'
import { is } from '@roomful/protocol/options'
import * as z from 'zod/mini'
import type { Published as LogPublished } from '../api/api.js'
import type { Position as LogPosition } from '../api/contracts/backplane.js'
import { cursorText } from '../api/contracts/cursor.js'
import type { EventStreams } from './event-streams.js'
import { parse } from './parse.js'
import { restrictionRoutes } from './restriction-routes.js'
import {
  type Body,
  eventStream,
  json,
  noBody,
  noQuery,
  nothing,
  optionalJson,
  type Route,
  route,
} from './route.js'
import {
  Chat,
  ContractMessage,
  Deletion,
  Disconnect,
  Edit,
  ListPage,
  Members,
  Messages,
  Page,
  type Position,
  Published,
  Reaction,
  ReactionRemoval,
  Room,
  RoomList,
  Snapshot,
  View,
} from './schemas.js'

type RoomMessage =
  | { readonly kind: 'chat'; readonly chat: z.output<typeof Chat> }
  | { readonly kind: 'contract'; readonly message: z.output<typeof ContractMessage> }

/** A message that the protocol declares if it has a type, else chat. */
const roomMessage: Body<RoomMessage> = {
  schema: z.union([Chat, ContractMessage]),
  isOptional: false,
  parse: (body) =>
    is.object.accepts(body) && 'type' in Object(body)
      ? { kind: 'contract', message: parse(ContractMessage, body, 'body') }
      : { kind: 'chat', chat: parse(Chat, body, 'body') },
}

/** The calls of the API, without streams. */
export const routes: readonly Route[] = [
  route({
    name: 'listRooms',
    method: 'GET',
    path: '/rooms',
    summary: 'Lists the rooms with members on the node that answers',
    query: ListPage,
    body: noBody,
    answer: RoomList,
    async run(server, { query }) {
      const { rooms, more } = await server.listRooms(defined(query))
      const listed = rooms.map(({ roomId, count, connections }) => ({ room_id: roomId, count, connections }))
      return { rooms: listed, more }
    },
  }),
  route({
    name: 'sendMessage',
    method: 'POST',
    path: '/rooms/{room}/messages',
    summary: 'Logs a message and sends it to everyone in the room',
    query: noQuery,
    body: roomMessage,
    isRepeatable: true,
    answer: Published,
    async run(server, { param, body, options }) {
      const room = server.room(param('room'))
      if (body.kind === 'contract') return publishedOf(await room.publish(body.message, options))
      const { message, reply_to: replyTo, ...chat } = body.chat
      return publishedOf(await room.chat.send(message, { ...defined({ ...chat, replyTo }), ...options }))
    },
  }),
  route({
    name: 'editMessage',
    method: 'PATCH',
    path: '/rooms/{room}/messages/{message}',
    summary: 'Replaces the text and the data of a chat message',
    query: noQuery,
    body: json(Edit),
    isRepeatable: true,
    answer: Published,
    async run(server, { param, body, options }) {
      const { offset, message, ...edit } = body
      const target = { offset, id: param('message') }
      const { chat } = server.room(param('room'))
      return publishedOf(await chat.edit(target, message, { ...defined(edit), ...options }))
    },
  }),
  route({
    name: 'deleteMessage',
    method: 'DELETE',
    path: '/rooms/{room}/messages/{message}',
    summary: 'Deletes a chat message, and leaves no text of it in the log',
    query: Deletion,
    body: noBody,
    isRepeatable: true,
    answer: Published,
    async run(server, { param, query: { offset, ...deletion }, options }) {
      const target = { offset, id: param('message') }
      const { chat } = server.room(param('room'))
      return publishedOf(await chat.delete(target, { ...defined(deletion), ...options }))
    },
  }),
  route({
    name: 'addReaction',
    method: 'POST',
    path: '/rooms/{room}/messages/{message}/reactions',
    summary: 'Adds a reaction to a chat message',
    query: noQuery,
    body: json(Reaction),
    isRepeatable: true,
    answer: Published,
    async run(server, { param, body: { offset, reaction, ...addition }, options }) {
      const target = { offset, id: param('message') }
      const { chat } = server.room(param('room'))
      return publishedOf(await chat.react(target, reaction, { ...defined(addition), ...options }))
    },
  }),
  route({
    name: 'removeReaction',
    method: 'DELETE',
    path: '/rooms/{room}/messages/{message}/reactions',
    summary: 'Takes a reaction to a chat message back',
    query: ReactionRemoval,
    body: noBody,
    isRepeatable: true,
    answer: Published,
    async run(server, { param, query: { offset, reaction, ...removal }, options }) {
      const target = { offset, id: param('message') }
      const { chat } = server.room(param('room'))
      return publishedOf(await chat.unreact(target, reaction, { ...defined(removal), ...options }))
    },
  }),
  route({
    name: 'readMessages',
    method: 'GET',
    path: '/rooms/{room}/messages',
    summary: 'Reads a page of the log of a room',
    query: Page,
    body: noBody,
    answer: Messages,
    async run(server, { param, query: { around, ...query } }) {
      const options = defined({ ...query, around: around === undefined ? undefined : targetOf(around) })
      const { messages, more, moreAfter, truncated } = await server.room(param('room')).history(options)
      return { messages: [...messages], more, ...defined({ more_after: moreAfter }), truncated }
    },
  }),
  route({
    name: 'getSnapshot',
    method: 'GET',
    path: '/rooms/{room}/snapshot',
    summary: 'Shows a room as a user sees it, if that user may join',
    query: View,
    body: noBody,
    answer: Snapshot,
    async run(server, { param, query }) {
      const { messages, more, members, count, cursor, own_reactions } = await server
        .room(param('room'))
        .snapshot(defined(query))
      const lists = { messages: [...messages], members: members && [...members] }
      const own = own_reactions?.map(({ offset, reactions }) => ({ offset, reactions: [...reactions] }))
      const position = { cursor: positionOf(cursor), last_event_id: cursorText(cursor) }
      return { ...lists, more, count, own_reactions: own, ...position }
    },
  }),
  route({
    name: 'getRoom',
    method: 'GET',
    path: '/rooms/{room}',
    summary: 'Tells how many users are in a room, and where its log ends',
    query: noQuery,
    body: noBody,
    answer: Room,
    async run(server, { param }) {
      const { roomId, count, head } = await server.room(param('room')).info()
      return { room_id: roomId, count, head: positionOf(head) }
    },
  }),
  route({
    name: 'listMembers',
    method: 'GET',
    path: '/rooms/{room}/members',
    summary: 'Lists who is in a room',
    query: noQuery,
    body: noBody,
    answer: Members,
    async run(server, { param }) {
      const { count, members } = await server.room(param('room')).info()
      const listed = members?.map(({ userId, profile, state }) => ({ user_id: userId, profile, state }))
      return { count, members: listed }
    },
  }),
  route({
    name: 'removeMember',
    method: 'DELETE',
    path: '/rooms/{room}/members/{user}',
    summary: 'Removes the connections of a user from a room',
    query: noQuery,
    body: noBody,
    answer: nothing,
    run: (server, { param }) => void server.room(param('room')).kick(param('user')),
  }),
  ...restrictionRoutes,
  route({
    name: 'publishToUser',
    method: 'POST',
    path: '/users/{user}/messages',
    summary: 'Logs a message in the stream of a user and sends it to all their devices',
    query: noQuery,
    body: json(ContractMessage),
    isRepeatable: true,
    answer: Published,
    run: async (server, { param, body, options }) =>
      publishedOf(await server.user(param('user')).publish(body, options)),
  }),
  route({
    name: 'disconnectUser',
    method: 'POST',
    path: '/users/{user}/disconnect',
    summary: 'Closes every connection of a user',
    query: noQuery,
    body: optionalJson(Disconnect),
    answer: nothing,
    run: (server, { param, body }) => void server.user(param('user')).disconnect(body.code, body.reason),
  }),
]

/** The entries of a room as they come. */
export function streamRoute(streams: EventStreams): Route {
  return route({
    name: 'streamMessages',
    method: 'GET',
    path: '/rooms/{room}/stream',
    summary: 'Streams the entries of the log of a room as Server-Sent Events',
    query: noQuery,
    body: noBody,
    answer: eventStream,
    run: (_, { param, lastEventId }) => streams.open(param('room'), lastEventId),
  })
}

function positionOf({ id, epoch, offset }: LogPosition): z.output<typeof Position> {
  return { id, epoch, offset }
}

function publishedOf({ id, epoch, offset, duplicate }: LogPublished): z.output<typeof Published> {
  return { id, epoch, offset, duplicate }
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Without the fields that are `undefined`, which options refuse. */
/** @param place an offset and an id, with a comma between them */
function targetOf(place: string): Target {
  const comma = place.indexOf(',')
  return { offset: Number(place.slice(0, comma)), id: place.slice(comma + 1) }
}

function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
