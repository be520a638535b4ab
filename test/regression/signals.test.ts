import { defineProtocol } from '@roomful/protocol'
import { createTestServer } from '@roomful/server/testing'
import { expect, it, onTestFinished, vi } from 'vitest'
import * as z from 'zod/mini'

it('a message makes no signal that its handler does not ask for: a connection would remember each one', async () => {
  const any = vi.spyOn(AbortSignal, 'any')
  onTestFinished(() => any.mockRestore())
  const signals: AbortSignal[] = []
  const { connect, clock } = await createTestServer({
    protocol: defineProtocol({ client: { quiet: z.object({}), curious: z.object({}) } }),
    handle: {
      quiet: () => {},
      curious: (context) => void signals.push(context.signal, context.signal),
    },
  })
  const ana = await connect()
  await ana.join('r')
  for (let count = 0; count < 10; count++) ana.send({ type: 'quiet', room_id: 'r' })
  await clock.settle()
  expect(any).not.toHaveBeenCalled()
  ana.send({ type: 'curious', room_id: 'r' })
  await clock.settle()
  expect(any).toHaveBeenCalledOnce()
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
  ana.close()
  await clock.settle()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
})
