import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Cli } from '../support/cli.js'
import type { ReceivedEvent } from '../support/event-parser.js'
import { FollowingStream } from '../support/following-stream.js'
import { call, KEY } from '../support/http-api.js'
import { until } from '../support/wire-server.js'

const KILLS = 3

it('whoever streams a room of the command, and resumes each time that it is killed, gets each entry once and in order', {
  timeout: 90_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-stream-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const start = async () => {
    const cli = new Cli([], { PORT: `${port}`, API_KEY: KEY }, { folder })
    onTestFinished(async () => {
      cli.kill('SIGKILL')
      await cli.exit()
    })
    await cli.url()
    return cli
  }
  const base = `http://127.0.0.1:${port}/api`
  let running = await start()
  const events: ReceivedEvent[] = []
  const refusals: number[] = []
  const client = await new Promise<FollowingStream>((resolve) => {
    const stream = new FollowingStream({
      url: () => `${base}/rooms/general/stream`,
      headers: { authorization: `Bearer ${KEY}` },
      pauseMs: () => 20,
      received: (event) => void events.push(event),
      opened: () => resolve(stream),
      refused: (status) => void refusals.push(status),
    })
  })
  onTestFinished(() => client.close())

  let isOver = false
  let accepted = 0
  /** Each message until it is accepted, under one key. */
  const talking = (async () => {
    for (let n = 1; !isOver; n++) {
      const isSent = () => send(base, `${n}`)
      while (!(await isSent())) await new Promise((resolve) => setTimeout(resolve, 20))
      accepted = n
    }
  })()
  for (let kill = 0; kill < KILLS; kill++) {
    const before = events.length
    await until(() => events.length > before + 50)
    running.kill('SIGKILL')
    await running.exit()
    running = await start()
  }
  isOver = true
  await talking
  await until(() => events.length >= accepted)
  const texts = events.map(({ data }) => JSON.parse(data).message)
  expect(texts).toEqual(Array.from({ length: accepted }, (_, index) => `${index + 1}`))
  expect(refusals).toEqual([])
  expect(client.connections).toBeGreaterThan(KILLS)
})

async function send(base: string, message: string): Promise<boolean> {
  const path = '/rooms/general/messages'
  const sent = await call(base, 'POST', path, { message }, { 'Idempotency-Key': message }).catch(
    () => undefined,
  )
  return sent?.status === 200
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
