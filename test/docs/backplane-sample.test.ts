import { backplaneSuite, createTestServer, VirtualClock } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { MapBackplane } from './map-backplane.js'

describe('the backplane of docs/backplanes.md', () => {
  const suite = backplaneSuite(() => {
    const clock = new VirtualClock()
    return { backplane: new MapBackplane(), clock, advance: (ms) => clock.advance(ms) }
  })
  for (const { name, run } of suite) it(name, run)

  it('[H8] the backplane of docs/backplanes.md keeps its last thousand entries, and says of older ones that they are gone', async () => {
    const backplane = new MapBackplane()
    const { server } = await createTestServer({ backplane })
    const { chat } = server.room('r')
    const first = await chat.send('0')
    for (let n = 1; n <= 1_001; n++) await chat.send(`${n}`)
    const range = { after: first.offset, limit: 1, maxBytes: 1 }
    expect(await backplane.read('r', range, first)).toMatchObject({
      truncated: true,
      oldestOffset: 3,
      fault: 'expired',
    })
    const late = { userId: 'ana', clientId: 'c', fingerprint: 1, seen: 1 }
    const draft = { id: 'x', message: { type: 'chat_message' }, timestampMs: 0, sender: late }
    expect(backplane.publish('r', draft)).toEqual({ status: 'forgotten' })
  })
})
