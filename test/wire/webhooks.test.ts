import { createServer as createTcpServer } from 'node:net'
import { defineProtocol, volatile } from '@roomful/protocol'
import { type DeadLetter, memory, type NodeLink, type Roomful, type WebhookEndpoint } from '@roomful/server'
import { createTestServer, type TestClient } from '@roomful/server/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import {
  type Answer,
  expectedSignature,
  SECRET,
  status,
  WebhookReceiver,
} from '../support/webhook-receiver.js'
import { type LogLine, logInto, logText, until } from '../support/wire-server.js'

const protocol = defineProtocol({
  server: { noted: z.object({ text: z.string() }), waved: volatile(z.object({})) },
})
type Options = Omit<WebhookEndpoint<typeof protocol>, 'url' | 'secret'>

async function started(logger: LogLine[] = []) {
  const { server, clock } = await createTestServer({ protocol, backplane: memory(), logger: logInto(logger) })
  onTestFinished(async () => {
    const closing = server.close()
    await clock.advance(5_000)
    await closing
  })
  return { server, clock, log: logger }
}

/** A server that tells a receiver of what is said from now on. */
async function telling(options: Options = {}) {
  const receiver = await WebhookReceiver.start()
  const { server, clock, log } = await started()
  server.webhooks([{ url: receiver.url, secret: SECRET, from: 'oldest', ...options }])
  const said = (room: string, ...texts: readonly string[]) => say(server, room, ...texts)
  const count = (name: string) => counted(server, name)
  return { server, clock, log, receiver, said, count }
}

async function say(server: Roomful<typeof protocol>, room: string, ...texts: readonly string[]) {
  for (const text of texts) await server.room(room).chat.send(text)
}

function counted(server: Roomful<typeof protocol>, name: string): number {
  const [, value] =
    new RegExp(`^roomful_webhooks_${name}_total\\{[^}]*\\} (\\d+)`, 'm').exec(server.metrics()) ?? []
  return Number(value ?? 0)
}

/** For how long an endpoint has not accepted a message, in seconds. */
function failingSeconds(server: Roomful<typeof protocol>): number {
  const [, value] = /^roomful_webhooks_failing_seconds\{[^}]*\} (.+)$/m.exec(server.metrics()) ?? []
  return Number(value)
}

/** After it, the next request is under way, and none after that one: the next wait is as long at least. */
const longestWait = (failures: number) => 1_000 * 2 ** (failures - 1)

/** A server whose backplane tells of joins as the test wants, to a receiver that answers as it wants. */
async function occupied(answer: Answer) {
  const receiver = await WebhookReceiver.start(answer)
  const log: LogLine[] = []
  const backplane = memory()
  let node: NodeLink | undefined
  const { start } = backplane
  backplane.start = (link) => {
    node = link
    return start.call(backplane, link)
  }
  const { server, clock } = await createTestServer({ protocol, backplane, logger: logInto(log) })
  onTestFinished(() => server.close())
  server.webhooks([{ url: receiver.url, secret: SECRET, events: ['user_joined'] }])
  const occupy = (room: string, count: number) =>
    node?.occupancyChanged?.(room, { event: 'enter', userId: 'ana', count })
  return { server, clock, receiver, log, occupy, count: (name: string) => counted(server, name) }
}

/** The id that the server gave an anonymous client. */
const idOf = ({ frames }: TestClient) => frames.find(({ type }) => type === 'authenticated')?.user_id

/** Lets real sockets do what is under way. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 50))

describe('webhooks', () => {
  it('webhooks send what is logged, signed as Standard Webhooks describes', async () => {
    const { server, clock, receiver } = await telling()
    await server.room('a').chat.send('hello', { as: 'ana' })
    await server.user('bob').publish({ type: 'noted', text: 'for bob' })
    await until(() => receiver.received.length === 2)
    const [chat, own] = receiver.received
    const { messages } = await server.room('a').history()
    const timestamp = new Date(clock.wallTime()).toISOString()
    expect(JSON.parse(chat?.text ?? '')).toEqual({ type: 'chat_message', timestamp, data: messages[0] })
    expect(JSON.parse(own?.text ?? '')).toMatchObject({
      type: 'noted',
      timestamp,
      user_id: 'bob',
      data: { room_id: '@me', text: 'for bob', offset: 1 },
    })
    expect(chat?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': messages[0]?.id,
      'webhook-timestamp': `${Math.floor(clock.wallTime() / 1_000)}`,
    })
    for (const one of receiver.received) expect(one.headers['webhook-signature']).toBe(expectedSignature(one))
  })

  it('webhooks begin with what is said from now on, unless all is asked for', async () => {
    const receiver = await WebhookReceiver.start()
    const { server } = await started()
    await say(server, 'a', 'before')
    server.webhooks([
      { url: `${receiver.url}?now`, secret: SECRET },
      { url: `${receiver.url}?all`, secret: SECRET, from: 'oldest' },
    ])
    await until(() => receiver.received.length === 1)
    await settled()
    await say(server, 'a', 'after')
    await until(() => receiver.received.length === 3)
    expect(receiver.received.map(({ path, line }) => `${path} ${line}`).sort()).toEqual([
      '/hooks?all a after',
      '/hooks?all a before',
      '/hooks?now a after',
    ])
  })

  it('webhooks send only the types that are asked for', async () => {
    const { server, receiver, said } = await telling({ events: ['noted'] })
    await said('a', 'hello')
    await server.room('a').publish({ type: 'noted', text: 'a note' })
    await until(() => receiver.received.length === 1)
    expect(receiver.lines).toEqual(['a a note'])
  })

  it('webhooks send edits and deletions, and of a deleted message no text that was not sent before', async () => {
    const receiver = await WebhookReceiver.start()
    const { server } = await started()
    const { chat } = server.room('a')
    const target = await chat.send('secret one')
    await chat.edit(target, 'secret two')
    await chat.delete(target)
    const events = ['message_edited', 'message_deleted'] as const
    server.webhooks([{ url: receiver.url, secret: SECRET, from: 'oldest', events }])
    await until(() => receiver.received.length === 2)
    const { offset, id } = target
    expect(receiver.received.map(({ text }) => text).join()).not.toContain('secret')
    expect(receiver.received.map(({ text }) => JSON.parse(text))).toMatchObject([
      { type: 'message_edited', data: { message: '', deleted: true, target: { offset, id } } },
      { type: 'message_deleted', data: { target: { offset, id } } },
    ])
  })

  it('webhooks send the messages of a room one after the other, and those of several rooms at once', async () => {
    const { receiver, said } = await telling({ concurrency: 2 })
    const answers: (() => void)[] = []
    receiver.answer = (_, response) => answers.push(() => response.writeHead(200).end('ok'))
    await said('a', '1', '2')
    await said('b', '3')
    await said('c', '4')
    await until(() => answers.length === 2)
    await settled()
    expect(receiver.lines.sort()).toEqual(['a 1', 'b 3'])
    for (let answered = 0; answered < 4; answered++) {
      await until(() => answers.length > answered)
      answers[answered]?.()
    }
    expect(receiver.lines.indexOf('a 1')).toBeLessThan(receiver.lines.indexOf('a 2'))
    expect(receiver.lines).toHaveLength(4)
  })

  it('webhooks send a message again until it is accepted, later each time, and those after it in its room then', async () => {
    const { server, receiver, clock, said, count, log } = await telling()
    receiver.answer = status(500)
    await said('a', '1', '2')
    for (let attempts = 1; attempts <= 4; attempts++) {
      await until(() => count('failures') === attempts)
      await settled()
      expect(receiver.lines).toEqual(Array(attempts).fill('a 1'))
      if (attempts === 4) receiver.answer = status(200)
      await clock.advance(longestWait(attempts))
    }
    await until(() => count('delivered') === 2)
    expect(receiver.lines).toEqual(['a 1', 'a 1', 'a 1', 'a 1', 'a 1', 'a 2'])
    const [first, ...others] = receiver.received.slice(0, 5)
    for (const one of others) {
      expect([one.id, one.text]).toEqual([first?.id, first?.text])
      expect(one.headers['webhook-signature']).toBe(expectedSignature(one))
    }
    const times = new Set(receiver.received.slice(0, 5).map(({ headers }) => headers['webhook-timestamp']))
    expect(times.size).toBeGreaterThan(3)
    for (const secret of [SECRET, '/hooks']) expect(logText(log)).not.toContain(secret)
    expect(server.metrics()).not.toContain('/hooks')
  })

  it('webhooks that fail are one line of the log that says all, then one a minute, and one when all are accepted again', async () => {
    const { receiver, clock, said, count, log } = await telling({ name: 'search', retryMs: 10_000 })
    receiver.answer = (_, response) => response.writeHead(500).end('no\r\n\u001b[31mdatabase')
    await said('a', '1')
    const failing = 'webhooks: a request failed; its message is sent again'
    const lines = (event: string) => log.filter((line) => line.event === event)
    for (let attempts = 1; attempts <= 3; attempts++) {
      await until(() => count('failures') === attempts)
      await settled()
      await clock.advance(longestWait(attempts))
    }
    await said('b', '2')
    await until(() => count('failures') === 5)
    await settled()
    const id = receiver.received[0]?.id
    const why = 'answered 500: no [31mdatabase'
    expect(log.map(({ level, ...line }) => [level, line])).toEqual([
      ['warn', { event: failing, fields: { endpoint: 'search', why, id, attempt: 1, retryAfterS: 1 } }],
    ])
    for (let s = 0; s < 60; s += 10) {
      expect(lines(failing)).toHaveLength(1)
      await clock.advance(10_000)
      await settled()
    }
    await until(() => lines(failing).length === 2)
    receiver.answer = status(200)
    await clock.advance(10_000)
    await until(() => count('delivered') === 2)
    await settled()
    expect(lines('webhooks: the endpoint accepts messages again')).toHaveLength(1)
    expect(log.at(-1)).toMatchObject({ level: 'info', fields: { endpoint: 'search' } })
    expect(log).toHaveLength(3)
  })

  it('webhooks that refuse one message alone are not said to accept messages again', async () => {
    const { receiver, said, count, log } = await telling()
    receiver.answer = (one, response) => response.writeHead(one.line === 'bad 1' ? 400 : 200).end()
    await said('bad', '1')
    await until(() => count('failures') === 1)
    await settled()
    await said('good', '2', '3')
    await until(() => count('delivered') === 2)
    await settled()
    expect(log.map(({ level, fields }) => [level, fields.why])).toEqual([['warn', 'answered 400']])
  })

  it('webhooks show how long the oldest message has been failing, though others are accepted', async () => {
    const { server, receiver, clock, said, count } = await telling({ retryMs: 5_000 })
    receiver.answer = (one, response) => response.writeHead(one.line.startsWith('bad') ? 400 : 200).end()
    expect(failingSeconds(server)).toBe(0)
    await said('bad', '1')
    await until(() => count('failures') === 1)
    await settled()
    await clock.advance(10_000)
    await said('badly', '2')
    await said('good', '3')
    await until(() => count('delivered') === 1)
    await settled()
    expect(failingSeconds(server)).toBe(10)
    receiver.answer = status(200)
    for (let rounds = 0; count('delivered') < 3; rounds++) {
      expect(rounds).toBeLessThan(10)
      await clock.advance(5_000)
      await settled()
    }
    await settled()
    expect(failingSeconds(server)).toBe(0)
  })

  it('webhooks that were stopped show no failing message, and those whose endpoint is gone do', async () => {
    const receiver = await WebhookReceiver.start(status(410))
    const { server, clock } = await started()
    const webhooks = server.webhooks([{ url: receiver.url, secret: SECRET, from: 'oldest' }])
    await say(server, 'a', '1')
    await until(() => counted(server, 'failures') === 1)
    await settled()
    await clock.advance(60_000)
    expect(failingSeconds(server)).toBe(60)
    await webhooks.stop()
    expect(failingSeconds(server)).toBe(0)
  })

  it('webhooks of a room whose message is refused hold up only that room', async () => {
    const { receiver, said, count } = await telling({ concurrency: 1 })
    receiver.answer = (one, response) => response.writeHead(one.line.startsWith('bad') ? 400 : 200).end()
    await said('bad', '1', '2')
    for (let n = 0; n < 300; n++) await said('good', `${n}`)
    await until(() => count('delivered') === 300)
    expect(receiver.lines.filter((line) => line.startsWith('bad'))).toEqual(['bad 1'])
  })

  it('webhooks wait as long as the endpoint asks, but not longer than the longest wait', async () => {
    const { receiver, clock, said, count } = await telling({ retryMs: 60_000 })
    receiver.answer = status(429, { 'retry-after': '40' })
    await said('a', '1')
    await until(() => count('failures') === 1)
    await settled()
    await clock.advance(39_000)
    expect(receiver.received).toHaveLength(1)
    receiver.answer = status(503, { 'retry-after': '100000' })
    await clock.advance(1_000)
    await until(() => count('failures') === 2)
    await settled()
    receiver.answer = status(200)
    await clock.advance(60_000)
    await until(() => count('delivered') === 1)
  })

  it('webhooks do not follow redirects: they would lead where the owner did not choose', async () => {
    const other = await WebhookReceiver.start()
    const { receiver, said, count, log } = await telling()
    receiver.answer = status(307, { location: other.url })
    await said('a', '1')
    await until(() => count('failures') === 1)
    await until(() => log.length > 0)
    expect(logText(log)).toContain('answered 307; redirects are not followed')
    expect(other.received).toEqual([])
  })

  it('webhooks that get no answer in time are sent again', async () => {
    const { receiver, clock, said, count, log } = await telling({ timeoutMs: 5_000 })
    receiver.answer = () => {}
    await said('a', '1')
    await until(() => receiver.received.length === 1)
    await clock.advance(4_999)
    await settled()
    expect(count('failures')).toBe(0)
    await clock.advance(1)
    await until(() => count('failures') === 1)
    expect(logText(log)).toContain('did not answer within 5000 ms')
    receiver.answer = status(200)
    await settled()
    await clock.advance(1_000)
    await until(() => count('delivered') === 1)
  })

  it('webhooks whose connection breaks before the answer are sent again, and count as accepted after it', async () => {
    const { receiver, clock, said, count } = await telling()
    receiver.answer = (_, response) => response.destroy()
    await said('a', '1', '2')
    await until(() => count('failures') === 1)
    receiver.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('the first half')
      setTimeout(() => response.destroy(), 10)
    }
    await settled()
    await clock.advance(1_000)
    await until(() => count('delivered') === 2)
    expect(receiver.lines).toEqual(['a 1', 'a 1', 'a 2'])
  })

  it('webhooks read little of an endless body, and end its connection', async () => {
    const { receiver, said, count } = await telling()
    let written = 0
    let isClosed = false
    receiver.answer = (_, response) => {
      response.writeHead(200)
      const chunk = Buffer.alloc(65_536, 'x')
      const more = () => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length
      }
      response.on('drain', more)
      response.on('close', () => {
        isClosed = true
      })
      more()
    }
    await said('a', '1')
    await until(() => isClosed && count('delivered') === 1)
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  it('webhooks to a machine that is not there, or that does not speak HTTP, are sent again', async () => {
    const babble = createTcpServer((socket) => socket.end('220 mail.example.com\r\n'))
    await new Promise<void>((resolve) => babble.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void babble.close())
    const { port } = babble.address() as { port: number }
    const away = createTcpServer()
    await new Promise<void>((resolve) => away.listen(0, '127.0.0.1', resolve))
    const { port: closed } = away.address() as { port: number }
    await new Promise((resolve) => away.close(resolve))
    const { server, log } = await started()
    server.webhooks([
      { url: `http://127.0.0.1:${port}`, secret: SECRET, from: 'oldest' },
      { url: `http://127.0.0.1:${closed}`, secret: SECRET, from: 'oldest' },
    ])
    await say(server, 'a', '1')
    await until(() => log.length === 2)
    const told = log.map(({ fields }) => `${fields.endpoint} ${fields.why}`).join('\n')
    expect(told).toMatch(new RegExp(`${closed}#.{6} could not be reached: ECONNREFUSED`))
    expect(told).toMatch(
      new RegExp(`${port}#.{6} could not be reached: (HPE_INVALID_CONSTANT|Response does not match)`),
    )
  })

  it('webhooks to a slow endpoint do not hold up those to others', async () => {
    const slow = await WebhookReceiver.start(() => {})
    const quick = await WebhookReceiver.start()
    const { server } = await started()
    server.webhooks([
      { url: slow.url, secret: SECRET, from: 'oldest' },
      { url: quick.url, secret: SECRET, from: 'oldest' },
    ])
    await say(server, 'a', '1', '2', '3')
    await until(() => quick.received.length === 3)
    expect(slow.received.length).toBeLessThanOrEqual(1)
  })

  it('webhooks give a message up once it is a day old, and go on with its room', async () => {
    const letters: DeadLetter[] = []
    const { receiver, clock, said, count, log } = await telling({
      onDeadLetter: (letter) => void letters.push(letter),
    })
    receiver.answer = (one, response) => response.writeHead(one.line === 'a the first' ? 500 : 200).end()
    await said('a', 'the first', '2')
    for (let attempts = 1; count('dead_letters') === 0; attempts++) {
      await until(() => count('failures') === attempts)
      await settled()
      if (attempts === 4) clock.jumpWall(86_400_000)
      await clock.advance(longestWait(attempts))
      expect(attempts).toBeLessThan(7)
    }
    await until(() => count('delivered') === 1)
    expect(receiver.lines.at(-1)).toBe('a 2')
    expect(letters).toMatchObject([
      {
        endpoint: expect.stringMatching(`^${new URL(receiver.url).origin}#[\\w-]{6}$`),
        id: receiver.received[0]?.id,
        attempts: count('failures'),
        body: JSON.parse(receiver.received[0]?.text ?? ''),
        error: { message: expect.stringContaining('answered 500') },
      },
    ])
    const lines = log.filter(({ level }) => level === 'error')
    expect(lines.map(({ event }) => event)).toEqual([
      'webhooks: a message was given up; the next one of its room follows',
    ])
    expect(logText(log)).not.toContain('the first')
  })

  it('webhooks do not give up old messages at the first failure, nor what onDeadLetter could not keep', async () => {
    let calls = 0
    const { receiver, clock, said, count } = await telling({
      giveUpMs: 1,
      onDeadLetter: () => {
        if (++calls === 1) throw new Error('the database is away')
      },
    })
    receiver.answer = status(500)
    await said('a', '1')
    for (let attempts = 1; attempts <= 6; attempts++) {
      await until(() => count('failures') === attempts)
      await settled()
      expect([calls, count('dead_letters')]).toEqual([Math.max(0, attempts - 4), attempts === 6 ? 1 : 0])
      await clock.advance(longestWait(attempts))
    }
    await settled()
    expect(receiver.received).toHaveLength(6)
  })

  it('webhooks to an endpoint that is gone (410) end, and go on where they were when they are started again', async () => {
    const { server, receiver, clock, said, count, log } = await telling()
    receiver.answer = (_, response) => response.writeHead(410).end('Moved to another provider')
    await said('a', '1', '2')
    await said('b', '3')
    const lines = () => log.filter(({ event }) => event.startsWith('webhooks: the endpoint is gone (410)'))
    await until(() => lines().length > 0)
    await settled()
    expect(lines()).toMatchObject([
      { level: 'error', fields: { id: expect.any(String), why: 'answered 410: Moved to another provider' } },
    ])
    const { length } = receiver.received
    await clock.advance(600_000)
    expect(receiver.received).toHaveLength(length)
    receiver.answer = status(200)
    server.webhooks([{ url: receiver.url, secret: SECRET, from: 'oldest' }])
    await until(() => count('delivered') === 3)
    expect(receiver.lines.slice(length).sort()).toEqual(['a 1', 'a 2', 'b 3'])
  })

  it('webhooks end with the server: a request under way is waited for, and one that takes long is aborted', async () => {
    const receiver = await WebhookReceiver.start()
    const { server, clock } = await createTestServer({ backplane: memory() })
    server.webhooks([{ url: receiver.url, secret: SECRET, from: 'oldest' }])
    let isAborted = false
    receiver.answer = (_, response) =>
      response.on('close', () => {
        isAborted = true
      })
    await server.room('a').chat.send('1')
    await until(() => receiver.received.length === 1)
    const closing = server.close()
    await settled()
    expect(isAborted).toBe(false)
    await clock.advance(5_000)
    await closing
    await until(() => isAborted)
    expect(() => server.webhooks([])).toThrow(expect.objectContaining({ code: 'closed' }))
  })

  it('webhooks that are stopped can be started again, and go on where they were', async () => {
    const receiver = await WebhookReceiver.start()
    const { server } = await started()
    const endpoint = { url: receiver.url, secret: SECRET }
    const webhooks = server.webhooks([endpoint])
    await settled()
    await say(server, 'a', '1')
    await until(() => receiver.received.length === 1)
    await webhooks.stop()
    await say(server, 'a', '2')
    server.webhooks([endpoint])
    await until(() => receiver.received.length === 2)
    expect(receiver.lines).toEqual(['a 1', 'a 2'])
  })

  it('webhooks sign with each of several secrets', async () => {
    const other = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
    const receiver = await WebhookReceiver.start()
    const { server } = await started()
    server.webhooks([{ url: receiver.url, secret: [SECRET, other], from: 'oldest' }])
    await say(server, 'a', '1')
    await until(() => receiver.received.length === 1)
    const [one] = receiver.received
    if (!one) throw new Error('nothing was received')
    const signatures = [SECRET, other].map((secret) => expectedSignature(one, secret))
    expect(one.headers['webhook-signature']).toBe(signatures.join(' '))
  })

  it('webhooks of rooms tell who joins first, who has left for good, and when nobody is left', async () => {
    const receiver = await WebhookReceiver.start()
    const { server, clock, connect } = await createTestServer({
      backplane: memory(),
      limits: { graceMs: 5_000 },
    })
    onTestFinished(async () => {
      const closing = server.close()
      await clock.advance(5_000)
      await closing
    })
    server.webhooks([
      { url: receiver.url, secret: SECRET, events: ['user_joined', 'user_left', 'room_emptied'] },
    ])
    const [ana, bob] = [await connect(), await connect()]
    await ana.join('a')
    await bob.join('a')
    await server.room('a').chat.send('not asked for')
    ana.send({ type: 'leave', room_id: 'a' })
    await ana.next('left')
    bob.close(1001)
    await clock.advance(1_000)
    await until(() => receiver.received.length === 3)
    await clock.advance(5_000)
    await until(() => receiver.received.length === 5)
    expect(
      receiver.received.map(({ text }) => JSON.parse(text)).map(({ type, data }) => [type, data]),
    ).toEqual([
      ['user_joined', { room_id: 'a', user_id: idOf(ana), count: 1 }],
      ['user_joined', { room_id: 'a', user_id: idOf(bob), count: 2 }],
      ['user_left', { room_id: 'a', user_id: idOf(ana), count: 1 }],
      ['user_left', { room_id: 'a', user_id: idOf(bob), count: 0 }],
      ['room_emptied', { room_id: 'a' }],
    ])
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(5)
    for (const one of receiver.received) expect(one.headers['webhook-signature']).toBe(expectedSignature(one))
  })

  it('webhooks of rooms are tried three times, then dropped and counted, and the next ones follow', async () => {
    const counts = () => receiver.received.map(({ text }) => JSON.parse(text).data.count)
    const { clock, receiver, occupy, count, log } = await occupied((one, response) =>
      response.writeHead(JSON.parse(one.text).data.count === 1 ? 500 : 200).end(),
    )
    occupy('a', 1)
    occupy('a', 2)
    for (let attempts = 1; attempts <= 3; attempts++) {
      await until(() => count('failures') === attempts)
      await settled()
      if (attempts < 3) expect([count('dropped'), counts()]).toEqual([0, Array(attempts).fill(1)])
      await clock.advance(longestWait(attempts))
    }
    await until(() => count('delivered') === 1)
    expect([count('dropped'), counts()]).toEqual([1, [1, 1, 1, 2]])
    expect(log.at(-1)).toMatchObject({ event: 'webhooks: an event of a room was dropped' })
  })

  it('webhooks of rooms are dropped where a thousand wait, whatever the endpoint does', async () => {
    const { occupy, count, receiver } = await occupied(() => {})
    for (let n = 0; n < 1_500; n++) occupy(`room ${n}`, 1)
    expect(count('dropped')).toBe(500)
    await until(() => receiver.received.length === 8)
  })

  const url = 'https://example.com/hooks'
  it.each([
    ['no list', { url, secret: SECRET }, /pass a list of endpoints, such as \[\{ url, secret \}\]/],
    ['no url', [{ secret: SECRET }], /\[0\]\.url is missing/],
    ['no secret', [{ url }], /\[0\]\.secret is missing; make it whsec_ and 24 to 64 bytes/],
    ['an undefined secret', [{ url, secret: undefined }], /\[0\]\.secret is missing/],
    ['a secret of another kind', [{ url, secret: 'a'.repeat(32) }], /\[0\]\.secret must be whsec_/],
    ['no secrets', [{ url, secret: [] }], /\[0\]\.secret must be/],
    ['no URL', [{ url: 'example.com', secret: SECRET }], /\[0\]\.url must be a URL such as/],
    ['a port that there is not', [{ url: 'https://a.example:65536', secret: SECRET }], /url must be a URL/],
    ['port 0', [{ url: 'https://a.example:0', secret: SECRET }], /\[0\]\.url has the port 0/],
    [
      'a port that fetch avoids',
      [{ url: 'https://a.example:6000', secret: SECRET }],
      /\[0\]\.url has the port 6000, to which fetch makes no request/,
    ],
    [
      'a secret that was copied in part',
      [{ url, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwM' }],
      /\[0\]\.secret must be whsec_/,
    ],
    ['another scheme', [{ url: 'ftp://example.com', secret: SECRET }], /\[0\]\.url must be a URL/],
    ['a password', [{ url: 'https://a:b@example.com', secret: SECRET }], /without a user and a password/],
    ['plain http', [{ url: 'http://example.com', secret: SECRET }], /use https:, or say insecure: true/],
    [
      'plain http by a name that only begins well',
      [{ url: 'http://127.0.0.1.example.com', secret: SECRET }],
      /insecure/,
    ],
    ['an unknown event', [{ url, secret: SECRET, events: ['chat_mesage'] }], /did you mean 'chat_message'\?/],
    ['a volatile event', [{ url, secret: SECRET, events: ['waved'] }], /'waved' is volatile/],
    [
      'an event of rooms that is misspelt',
      [{ url, secret: SECRET, events: ['user_join'] }],
      /'user_joined'\?/,
    ],
    ['no events', [{ url, secret: SECRET, events: [] }], /events must be a list of message types/],
    [
      'a misspelt option',
      [{ url, secret: SECRET, timeout: 5 }],
      /'\[0\]\.timeout'; did you mean 'timeoutMs'/,
    ],
    ['no requests', [{ url, secret: SECRET, concurrency: 0 }], /concurrency must be a whole number from 1/],
    [
      'the same twice',
      [
        { url, secret: SECRET },
        { url, secret: SECRET },
      ],
      /\[1\] is the same endpoint as \[0\]/,
    ],
  ])('webhooks are refused for %s, at once', async (_, endpoints, says) => {
    const { server } = await started()
    const start = () => server.webhooks(endpoints as Parameters<typeof server.webhooks>[0])
    expect(start).toThrow(TypeError)
    expect(start).toThrow(says)
    expect(start).not.toThrow(SECRET)
  })

  it('webhooks to the same endpoint a second time are refused, with all that were given with it', async () => {
    const receiver = await WebhookReceiver.start()
    const { server } = await started()
    const endpoint = (name: string) => ({ url: receiver.url, secret: SECRET, name, from: 'oldest' as const })
    server.webhooks([endpoint('one')])
    expect(() => server.webhooks([endpoint('two'), endpoint('one')])).toThrow(
      /already has a consumer 'webhook:one'/,
    )
    await say(server, 'a', '1')
    await until(() => receiver.received.length > 0)
    await settled()
    expect(receiver.received).toHaveLength(1)
    expect(server.metrics()).toContain('roomful_webhooks_delivered_total{endpoint="one"} 1')
  })
})
