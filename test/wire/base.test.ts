import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { serve } from '../support/wire-server.js'

const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/** The fields that a client written from the base messages knows of each type. */
const BASE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  system: ['message', 'timestamp'],
  joined: ['room_id', 'message', 'timestamp'],
  user_joined: ['message', 'count'],
  user_left: ['message', 'count'],
  chat_message: ['message', 'timestamp', 'user_id'],
  user_typing: ['user_id', 'timestamp'],
  user_stopped_typing: ['user_id', 'timestamp'],
  pong: ['timestamp'],
  error: ['message', 'timestamp'],
}

/** What such a client makes of what it got: fields and types that it does not know are not there. */
function asNaiveClientsSee(frames: readonly { readonly type: string }[]): unknown[] {
  return frames.flatMap((frame) => {
    const known = BASE_FIELDS[frame.type]
    if (!known) return []
    const entries = known.map((field) => [field, (frame as Record<string, unknown>)[field]] as const)
    for (const [field, value] of entries) if (field === 'timestamp') expect(value).toMatch(RFC_3339_UTC)
    return [{ type: frame.type, ...Object.fromEntries(entries.filter(([field]) => field !== 'timestamp')) }]
  })
}

const GREETING = {
  type: 'system',
  message: "Connected. Send a 'join' message with room_id to join a room.",
}

describe('a program written from the base messages', () => {
  it('[B1] [C1] a program written from the base messages gets exactly the promised frames, with exactly the promised texts', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    await ana.join('lobby')
    const bob = await connect(url)
    await bob.join('lobby')
    await ana.next('user_joined')

    ana.send({ type: 'typing_start' })
    const { user_id: anaId } = await bob.next('user_typing')
    ana.send({ type: 'typing_stop' })
    await bob.next('user_stopped_typing')
    ana.send({ type: 'chat_message', message: 'hello' })
    expect((await bob.next('chat_message')).user_id).toBe(anaId)
    bob.send({ type: 'chat_message', message: 'hi, Ana' })
    const { user_id: bobId } = await bob.next('chat_message')
    await ana.ask({ type: 'ping' }, 'pong')
    for (const bad of ['not json', '[]', '{"type":"join"}', '{"type":"dance"}', '{"type":"chat_message"}']) {
      ana.sendText(bad)
      await ana.next('error')
    }
    ana.send({ type: 'chat_message', message: 'x'.repeat(1_001) })
    await ana.next('error')
    ana.send({ type: 'chat_message', message: ' \n\u3000' })
    await ana.next('error')
    bob.close()
    await ana.next('user_left')

    expect(bobId).not.toBe(anaId)
    expect(asNaiveClientsSee(ana.frames)).toEqual([
      GREETING,
      { type: 'joined', room_id: 'lobby', message: 'Welcome to room lobby' },
      { type: 'user_joined', message: 'A user joined the room', count: 2 },
      { type: 'chat_message', message: 'hello', user_id: anaId },
      { type: 'chat_message', message: 'hi, Ana', user_id: bobId },
      { type: 'pong' },
      { type: 'error', message: 'Invalid JSON format' },
      { type: 'error', message: 'Invalid JSON format' },
      { type: 'error', message: 'room_id is required' },
      { type: 'error', message: 'Unknown message type: dance' },
      { type: 'error', message: 'Message is required' },
      { type: 'error', message: 'Message too long' },
      { type: 'error', message: 'Message cannot be empty' },
      { type: 'user_left', message: 'A user left the room', count: 1 },
    ])
    expect(asNaiveClientsSee(bob.frames)).toEqual([
      GREETING,
      { type: 'joined', room_id: 'lobby', message: 'Welcome to room lobby' },
      { type: 'user_typing', user_id: anaId },
      { type: 'user_stopped_typing', user_id: anaId },
      { type: 'chat_message', message: 'hello', user_id: anaId },
      { type: 'chat_message', message: 'hi, Ana', user_id: bobId },
    ])
  })

  it('[B1] [E10] a program written from the base messages is told that it is in no room, while typing in a shorter text', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    ana.send({ type: 'chat_message', message: 'hello' })
    ana.send({ type: 'typing_start' })
    ana.send({ type: 'typing_stop' })
    for (const _ of 'abc') await ana.next('error')
    expect(asNaiveClientsSee(ana.frames)).toEqual([
      GREETING,
      { type: 'error', message: "Not in a room. Send a 'join' message first." },
      { type: 'error', message: 'Not in a room' },
      { type: 'error', message: 'Not in a room' },
    ])
  })

  it('[B1] [E15] a program written from the base messages learns of a fault nothing but that there was one', async () => {
    const { url, log } = await serve({
      handle: {
        chat_message: () => {
          throw new Error('the database password is hunter2')
        },
      },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    ana.send({ type: 'chat_message', message: 'hello' })
    const { type, message, code } = await ana.next('error')
    expect({ type, message, code }).toEqual({
      type: 'error',
      message: 'Internal server error',
      code: 'internal',
    })
    expect(JSON.stringify(ana.frames)).not.toContain('hunter2')
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('[B3] a program written from the base messages may send fields that the server does not know', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    expect(await ana.join('lobby', { color: 'red', user_id: 'root' })).toMatchObject({ room_id: 'lobby' })
    ana.send({ type: 'chat_message', message: 'hello', bold: true, nested: { deep: [1] } })
    const { message, ...rest } = await ana.next('chat_message')
    expect(message).toBe('hello')
    expect(rest).not.toHaveProperty('bold')
  })

  it('[B4] a program written from the base messages gets no extension type that it did not ask for', async () => {
    const { server, url } = await serve()
    const naive = await connect(url)
    await naive.join('lobby')
    naive.send({ type: 'chat_message', message: 'who am I?' })
    const { user_id } = await naive.next('chat_message')
    const ana = await connectExtended(url)
    await ana.join('lobby')
    ana.send({ type: 'presence', room_id: 'lobby', state: { mood: 'bright' } })
    expect(await ana.next('presence')).toMatchObject({ event: 'update' })
    await ana.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    server.room('lobby').kick(user_id)
    await naive.next('error')
    await naive.settled()
    const types = new Set(naive.frames.map(({ type }) => type))
    expect([...types].sort()).toEqual(
      ['system', 'joined', 'chat_message', 'user_joined', 'user_left', 'error', 'pong'].sort(),
    )
  })

  it('[B4] a program written from the base messages gets the answers to what it asked, extensions too', async () => {
    const { url } = await serve()
    const naive = await connect(url)
    await naive.join('lobby')
    expect(await naive.chat('lobby', 'hello')).toMatchObject({ offset: 1 })
    expect((await naive.ask({ type: 'history' }, 'history')).messages).toHaveLength(1)
    expect(await naive.ask({ type: 'leave', ref: 'bye' }, 'left')).toEqual({
      type: 'left',
      room_id: 'lobby',
      ref: 'bye',
    })
  })

  it('[B6] a program written from the base messages has its ping answered before it has authenticated, with the id that it gave', async () => {
    const { url } = await serve({ authenticate: () => null, authorize: () => true })
    const ana = await connect(url)
    for (const id of ['a b~', 7, 1.5, -1]) expect((await ana.ask({ type: 'ping', id }, 'pong')).id).toBe(id)
    expect(await ana.ask({ type: 'ping' }, 'pong')).not.toHaveProperty('id')
  })

  it('[B6] a program written from the base messages has its ping answered while a handler takes its time', async () => {
    let finish = () => {}
    const { url } = await serve({
      handle: {
        chat_message: (_, chat) =>
          new Promise((resolve) => {
            finish = () => resolve(chat)
          }),
      },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    ana.send({ type: 'chat_message', message: 'slow' })
    await ana.ask({ type: 'ping' }, 'pong')
    finish()
    await ana.next('chat_message')
    expect(ana.frames.map(({ type }) => type)).toEqual(['system', 'joined', 'pong', 'chat_message'])
  })
})
