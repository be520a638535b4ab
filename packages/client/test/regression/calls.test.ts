import { defineProtocol, request } from '@roomful/protocol/define'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { joinedFrame, ScriptedServer } from '../support/scripted-server.js'

const protocol = defineProtocol({
  client: { draw: z.object({}), save: request(z.object({}), z.object({})) },
})

async function live() {
  const script = new ScriptedServer({ protocol: protocol as never })
  // As a program without types calls them.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const room = script.client.room('r') as any
  await script.connection.welcomes()
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  return { script, room }
}

it('what is no text is refused to the caller of send, and is no entry of the timeline', async () => {
  const { room } = await live()
  for (const message of [undefined, 5, null, {}]) expect(() => room.send(message)).toThrow(/as a string/)
  expect(room.timeline.get()).toEqual([])
})

it('request() of a message and emit() of a request are refused before anything leaves', async () => {
  const { script, room } = await live()
  await expect(room.request('draw', {})).rejects.toThrow("'draw' is not a request; use emit()")
  expect(() => room.emit('save', {})).toThrow("'save' is a request; use request()")
  expect(script.connection.take()).toEqual([])
})

it('a misspelt or wrong option of a call is named', async () => {
  const { script, room } = await live()
  await expect(room.join({ histroy: 5 })).rejects.toThrow(
    "room.join: there is no option 'histroy'; did you mean 'history'?",
  )
  expect(() => room.send('x', { date: {} })).toThrow(
    /room.send: there is no option 'date'; did you mean 'data'\?/,
  )
  await expect(room.request('save', {}, { timeoutMs: Number.NaN })).rejects.toThrow(
    /timeoutMs must be a number above 0/,
  )
  await expect(room.request('save', {}, { signal: {} })).rejects.toThrow(/signal must be an AbortSignal/)
  expect(script.connection.take()).toEqual([])
  expect(() => script.client.close()).not.toThrow()
})
