import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createClient } from '@roomful/client'
import { createServer, memory } from '@roomful/server'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { startBot } from '../bot.js'

/** The clients wait up to a second or so between their attempts. */
const WAIT = { timeout: 15_000 }

async function serve(port = 0) {
  const server = createServer({ backplane: memory() })
  onTestFinished(() => server.close())
  const address = await server.listen({ port })
  const bothAreHere = () => expect.poll(async () => (await server.room('general').info()).count, WAIT).toBe(2)
  return { server, bothAreHere, ...address }
}

it('the bot answers !time, and does so again after the server was restarted', async () => {
  const { server, url, port, bothAreHere } = await serve()
  const bot = startBot(url, 'general')
  onTestFinished(() => bot.close())
  const person = createClient({ url, WebSocket })
  onTestFinished(() => person.close())
  const room = person.room('general')
  const answers: string[] = []
  room.on('chat_message', ({ message }) => {
    if (message.startsWith('It is ')) answers.push(message)
  })
  await room.join()
  await bothAreHere()
  await room.send('what is the !time')
  await room.send('!time')
  await expect.poll(() => answers).toEqual([expect.stringMatching(/^It is \d{4}-\d\d-\d\dT/)])

  await server.close()
  const restarted = await serve(port)
  await restarted.bothAreHere()
  await room.send('!time')
  await expect.poll(() => answers).toHaveLength(2)
})

it('one command shows a question, an answer, a restart of the server and another answer', async () => {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const example = spawn(process.execPath, ['--import', 'tsx', main], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void example.kill('SIGKILL'))
  const [told, [code]] = await Promise.all([text(example.stdout), once(example, 'exit')])
  expect(code).toBe(0)
  const lines = told.split('\n').filter((line) => /^(ana|bot):|restarted/.test(line))
  expect(lines).toEqual([
    'ana: !time',
    expect.stringMatching(/^bot: It is /),
    '[the server is restarted]',
    'ana: !time',
    expect.stringMatching(/^bot: It is /),
  ])
})
