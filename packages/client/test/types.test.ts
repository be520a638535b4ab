import { defineProtocol, request, volatile } from '@roomful/protocol'
import type { Snapshot as ServerSnapshot } from '@roomful/server'
import { describe, expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'
import { chat } from '../src/chat.js'
import type { Client, createClient, JoinResult, LogMessage, Room, Sent } from '../src/index.js'
import type { createHooks, Hooks } from '../src/react.js'

const protocol = defineProtocol({
  client: {
    move: request(z.object({ from: z.string(), to: z.string() }), z.object({ legal: z.boolean() })),
    cursor: z.object({ x: z.number(), y: z.number() }),
    shape: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a'), a: z.number() }),
      z.object({ kind: z.literal('b'), b: z.string() }),
    ]),
  },
  server: {
    move_made: z.object({ from: z.string(), to: z.string(), player: z.string() }),
    cursor_moved: volatile(z.object({ x: z.number(), user_id: z.string() })),
  },
  chat: z.object({ size: z.pipe(z.string(), z.transform(Number)) }),
})
type P = typeof protocol

// Checked by the compiler alone: nothing here runs.
function uses(client: Client<P>, room: Room<P>, plain: ReturnType<typeof createClient>) {
  room.on('move_made', (m) => {
    expectTypeOf(m.type).toEqualTypeOf<'move_made'>()
    expectTypeOf(m.player).toEqualTypeOf<string>()
    expectTypeOf(m.offset).toEqualTypeOf<number>()
  })
  room.on('cursor_moved', (m) => {
    expectTypeOf(m.x).toEqualTypeOf<number>()
    // @ts-expect-error a volatile message has no place in the log
    m.offset
  })
  room.on('chat_message', (m) => expectTypeOf(m.data?.size).toEqualTypeOf<number | undefined>())
  client.on('cursor_moved', (m) => expectTypeOf(m.user_id).toEqualTypeOf<string>())
  // @ts-expect-error published messages belong to a room
  client.on('move_made', () => {})
  // @ts-expect-error no such message
  room.on('unknown', () => {})
  // @ts-expect-error no such message in a protocol without messages of its own
  plain.room('r').on('move_made', () => {})

  expectTypeOf(room.request('move', { from: 'a', to: 'b' })).resolves.toEqualTypeOf<{ legal: boolean }>()
  // @ts-expect-error wrong body
  void room.request('move', { from: 'a' })
  // @ts-expect-error a plain message is emitted
  void room.request('cursor', { x: 1, y: 2 })
  // @ts-expect-error wrong type of the reply
  const wrong: Promise<{ legal: string }> = room.request('move', { from: 'a', to: 'b' })
  void wrong

  expectTypeOf(room.emit('cursor', { x: 1, y: 2 })).toEqualTypeOf<boolean>()
  room.emit('shape', { kind: 'a', a: 1 })
  // @ts-expect-error the variants do not mix
  room.emit('shape', { kind: 'a', b: 'x' })
  // @ts-expect-error a request must be requested
  room.emit('move', { from: 'a', to: 'b' })
  // @ts-expect-error wrong body
  room.emit('cursor', { x: '1', y: 2 })
  // @ts-expect-error a server message is not sent by clients
  room.emit('move_made', { from: 'a', to: 'b', player: 'c' })

  expectTypeOf(room.send('hi', { data: { size: '7' } })).toEqualTypeOf<Sent>()
  // @ts-expect-error the sender gives the input of the schema
  room.send('hi', { data: { size: 7 } })
  // @ts-expect-error without a chat schema there is no data
  plain.room('r').send('hi', { data: { size: '7' } })

  room.on('message_edited', ({ target, message, data }) => {
    expectTypeOf(target.offset).toEqualTypeOf<number>()
    expectTypeOf(message).toEqualTypeOf<string>()
    expectTypeOf(data).toEqualTypeOf<{ size: number } | undefined>()
  })
  room.on('message_deleted', ({ target, user_id }) => expectTypeOf([target.id, user_id]).items.toBeString())
  room.on('chat_message', async (message) => {
    const c = chat(room)
    expectTypeOf(c.edit(message, 'fixed', { data: { size: '7' } })).toEqualTypeOf<Sent>()
    // @ts-expect-error the sender gives the input of the schema
    c.edit(message, 'fixed', { data: { size: 7 } })
    // @ts-expect-error without a chat schema there is no data
    chat(plain.room('r')).edit(message, 'fixed', { data: { size: '7' } })
    expectTypeOf(
      c.delete(await room.send('hi', { replyTo: message, mentions: ['ada'] })),
    ).toEqualTypeOf<Sent>()
    // @ts-expect-error an offset alone proves nothing
    c.delete(message.offset)
  })

  expectTypeOf(room.join()).resolves.toEqualTypeOf<JoinResult<P>>()
  room.timeline.subscribe((entries) => {
    for (const entry of entries) {
      if (entry.kind === 'break') {
        expectTypeOf(entry.reason).toEqualTypeOf<string>()
        continue
      }
      expectTypeOf(entry.message).toEqualTypeOf<LogMessage<P>>()
      if (entry.state === 'failed') expectTypeOf(entry.error.code).toBeString()
      else if (entry.amendment === 'failed') expectTypeOf(entry.error.code).toBeString()
      // @ts-expect-error only what has failed has an error
      else entry.error
      if (entry.message.type === 'move_made') expectTypeOf(entry.message.to).toEqualTypeOf<string>()
    }
  })
  client.status.subscribe((status) => {
    if (status.state === 'backoff') expectTypeOf(status.inMs).toEqualTypeOf<number>()
    // @ts-expect-error a state carries only its own fields
    if (status.state === 'online') status.inMs
  })
  const state = room.status.get()
  switch (state.state) {
    case 'idle':
    case 'joining':
    case 'recovering':
    case 'live':
    case 'resyncing':
    case 'denied':
    case 'left':
      break
    default:
      expectTypeOf(state).toBeNever()
  }
}

function useHooks(
  { useRoom, useTimeline, useRoomEvent, useClientEvent, useStatus }: Hooks<P>,
  create: typeof createHooks,
  client: Client<P>,
  initial: ServerSnapshot<P>,
) {
  expectTypeOf(create(client)).toEqualTypeOf<Hooks<P>>()
  const room = useRoom('r', { history: 50, initial })
  expectTypeOf(room).toEqualTypeOf<Room<P>>()
  const entries = useTimeline(room)
  for (const entry of entries)
    if (entry.kind === 'message') expectTypeOf(entry.message).toEqualTypeOf<LogMessage<P>>()
  useRoomEvent(room, 'move_made', ({ player }) => expectTypeOf(player).toEqualTypeOf<string>())
  // @ts-expect-error no such message
  useRoomEvent(room, 'unknown', () => {})
  useClientEvent('cursor_moved', ({ x }) => expectTypeOf(x).toEqualTypeOf<number>())
  // @ts-expect-error published messages belong to a room
  useClientEvent('move_made', () => {})
  expectTypeOf(useStatus()).toEqualTypeOf<ReturnType<Client<P>['status']['get']>>()
  expectTypeOf(useStatus(room)).toEqualTypeOf<ReturnType<Room<P>['status']['get']>>()
}

describe('the types', () => {
  it('the hooks of a client know its protocol', () => {
    expectTypeOf(useHooks).toBeFunction()
  })

  it('[A9] the types follow the protocol: what is wrong does not compile', () => {
    expectTypeOf(uses).toBeFunction()
  })
})
