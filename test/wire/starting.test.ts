import { createServer, memory } from '@roomful/server'
import { expect, it, onTestFinished } from 'vitest'
import { type LogLine, logInto } from '../support/wire-server.js'

function brokenBackplane() {
  const backplane = memory()
  backplane.start = () => Promise.reject(new Error('the disk is gone'))
  return backplane
}

it('a server without a backplane warns once that a restart forgets its rooms, unless memory() says that it is meant', async () => {
  const log: LogLine[] = []
  const [bare, meant] = [{}, { backplane: memory() }].map((options) =>
    createServer({ ...options, logger: logInto(log) }),
  )
  onTestFinished(async () => {
    await bare?.close()
    await meant?.close()
  })
  await bare?.listen({ port: 0 })
  await meant?.listen({ port: 0 })
  expect(log).toEqual([
    {
      level: 'warn',
      fields: {},
      event: expect.stringMatching(/^rooms are kept in memory, .*sqlite.*memory\(\)$/),
    },
  ])
})

it.each(['start', 'listen'] as const)('a start that fails is told once, to who calls %s', async (call) => {
  const log: LogLine[] = []
  const server = createServer({ backplane: brokenBackplane(), logger: logInto(log) })
  onTestFinished(() => server.close())
  const told = call === 'listen' ? server.listen({ port: 0 }) : server.start()
  await expect(told).rejects.toThrow('the disk is gone')
  expect(log).toEqual([])
})

it('a start that fails is logged where nobody waits for it', async () => {
  const log: LogLine[] = []
  const server = createServer({ backplane: brokenBackplane(), logger: logInto(log) })
  onTestFinished(() => server.close())
  await expect
    .poll(() => log)
    .toMatchObject([{ level: 'error', event: 'the backplane could not be started' }])
})
