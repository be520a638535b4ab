import { type BuiltIn, defineProtocol, request } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import type { ClientOptions, createClient } from '../../src/index.js'
import { ackFrame, joinedFrame, ScriptedServer } from '../support/scripted-server.js'

const protocol = defineProtocol({
  client: {
    draw: z.object({ points: z.string() }),
    save: request(z.object({ text: z.string(), id: z.optional(z.bigint()) }), z.object({})),
  },
})
const large = 'ä'.repeat(600)

async function live() {
  const script = new ScriptedServer({ protocol } as unknown as ClientOptions<BuiltIn>)
  // The script's client is untyped; the handle is that of createClient<typeof protocol>.
  const client = script.client as unknown as ReturnType<typeof createClient<typeof protocol>>
  const room = client.room('r')
  await script.connection.welcomes('me', { limits: { frame_bytes: 1_000 } })
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await script.clock.advance(0)
  return { script, client, room }
}

describe('what the server would close the connection for', () => {
  it('what the server would close the connection for is refused to its caller, and costs no chat message that is under way', async () => {
    const { script, room } = await live()
    const sent = room.send('small')
    expect(() => room.emit('draw', { points: large })).toThrow(expect.objectContaining({ code: 'too_large' }))
    await expect(room.request('save', { text: large })).rejects.toMatchObject({ code: 'too_large' })
    await expect(room.request('save', { text: 'x', id: 1n })).rejects.toMatchObject({
      code: 'invalid_message',
    })
    expect(script.connection.take()).toMatchObject([{ type: 'chat_message' }])
    await script.connection.says(ackFrame(sent.clientId, 1))
    expect(await sent).toMatchObject({ offset: 1 })
  })

  it('what the server would close the connection for is reported where it is a presence state, not sent again with every reconnect', async () => {
    const { script, client, room } = await live()
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    room.presence.set({ text: large })
    expect(script.connection.take()).toEqual([])
    expect(errors).toEqual(['too_large'])
  })
})
