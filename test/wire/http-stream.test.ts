import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { defineProtocol } from '@roomful/protocol'
import { type Backplane, createServer, memory, silentLogger } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import { connectExtended } from '../support/connect.js'
import { EventParser } from '../support/event-parser.js'
import { apiOf, KEY, listen, serveApi } from '../support/http-api.js'
import { SseClient } from '../support/sse-client.js'
import { gate, until, WireClock } from '../support/wire-server.js'

const protocol = defineProtocol({ server: { noted: z.object({ text: z.string() }) } })

/** A server with one room, in which texts are noted. */
async function serveRoom(
  options: Parameters<typeof serveApi<typeof protocol>>[0] = {},
  http: Parameters<typeof serveApi>[1] = {},
) {
  const served = await serveApi({ protocol, ...options }, http)
  const room = served.server.room('general')
  const note = async (...texts: readonly string[]) => {
    for (const text of texts) await room.publish({ type: 'noted', text })
  }
  const open = (lastEventId?: string) =>
    SseClient.open(served.base, 'general', lastEventId === undefined ? {} : { lastEventId })
  return { ...served, room, note, open }
}

const PATIENCE = { timeout: 60_000 }

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`)

/** The texts of the next entries. */
async function texts(client: SseClient, count: number): Promise<unknown[]> {
  const found = []
  for (let n = 0; n < count; n++) found.push((await client.next()).text)
  return found
}

/** Counts the subscriptions of a backplane: those that were opened, and those that there are. */
function counted(backplane: Backplane) {
  const count = { opened: 0, subscriptions: 0 }
  const { subscribe } = backplane
  backplane.subscribe = async (stream, listener) => {
    const subscription = await subscribe.call(backplane, stream, listener)
    count.opened++
    count.subscriptions++
    const close = () => {
      count.subscriptions--
      subscription.close()
    }
    return { close }
  }
  return { backplane, count }
}

describe('a stream', () => {
  it('a stream brings what is said from now on, each entry as a page shows it, with its type and an id', async () => {
    const { server, call, note, open } = await serveRoom()
    await note('before')
    const client = await open()
    await server.room('general').chat.send('Hello')
    await note('line one\nline two\r\n\u2028 \u{1F600}')
    await client.until(() => client.events.length === 2)
    const { messages } = (await call('GET', '/rooms/general/messages?after=1')).body as { messages: object[] }
    expect(client.events.map(({ data }) => JSON.parse(data))).toEqual(messages)
    expect(client.events.map(({ type }) => type)).toEqual(['chat_message', 'noted'])
    expect(new Set(client.events.map(({ id }) => id)).size).toBe(2)
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': expect.stringContaining('no-store'),
      'x-accel-buffering': 'no',
    })
  })

  it('a stream brings what is said after its headers came, however soon', async () => {
    const { note, open } = await serveRoom()
    for (let round = 1; round <= 100; round++) {
      const client = await open()
      await note(`${round}`)
      expect(await texts(client, 1)).toEqual([`${round}`])
      client.cut()
    }
  })

  it('a stream goes on after a snapshot: what was published in between comes first', async () => {
    const { call, note, open } = await serveRoom()
    await note('1', '2')
    const { body } = await call('GET', '/rooms/general/snapshot?as=@server')
    await note('3', '4')
    const client = await open((body as { last_event_id: string }).last_event_id)
    expect(await texts(client, 2)).toEqual(['3', '4'])
  })

  it('a stream goes on after a snapshot of a room that holds nothing', async () => {
    const { call, note, open } = await serveRoom()
    const { body } = await call('GET', '/rooms/general/snapshot?as=@server')
    await note('1')
    const client = await open((body as { last_event_id: string }).last_event_id)
    expect(await texts(client, 1)).toEqual(['1'])
  })

  it('a stream has at once what is published while its beginning is looked for', async () => {
    const backplane = memory()
    const { note, open } = await serveRoom({ backplane }, { heartbeatMs: 1_000_000 })
    const { read } = backplane
    backplane.read = async (...args) => {
      backplane.read = read
      const page = await read.apply(backplane, args)
      await note('in between')
      return page
    }
    expect(await texts(await open(), 1)).toEqual(['in between'])
  })

  it('a stream that is resumed goes on after the last event, each entry once and in order', async () => {
    const { note, open } = await serveRoom()
    const first = await open()
    await note(...numbers(1, 350))
    await texts(first, 40)
    first.cut()
    const resumed = await open(first.events[39]?.id)
    const live = note(...numbers(351, 500))
    expect(await texts(resumed, 460)).toEqual(numbers(41, 500))
    await live
  })

  it('a stream that is cut before its first event loses nothing either', async () => {
    const { note, open } = await serveRoom()
    const first = await open()
    await first.until(() => first.lastEventId !== '')
    first.cut()
    await note('meanwhile')
    expect(await texts(await open(first.lastEventId), 1)).toEqual(['meanwhile'])
  })

  it('a stream with an empty Last-Event-ID begins now, as browsers mean it', async () => {
    const { note, open } = await serveRoom()
    await note('before')
    const client = await open('')
    await note('after')
    expect(await texts(client, 1)).toEqual(['after'])
  })

  it('a stream in which nothing happens has a comment from time to time', async () => {
    const clock = new WireClock()
    const { note, open } = await serveRoom({ clock }, { heartbeatMs: 5_000 })
    const client = await open()
    await client.until(() => client.lastEventId !== '')
    for (let beat = 1; beat <= 3; beat++) {
      await clock.advance(5_000)
      await client.until(() => client.comments === beat)
    }
    await note('hello')
    expect(await texts(client, 1)).toEqual(['hello'])
  })

  it('a stream outlives the time-out of the HTTP server for sockets on which nothing happens', async () => {
    const { server } = await serveRoom()
    const http = createHttpServer(apiOf(server, { heartbeatMs: 300 }).node).setTimeout(100)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void http.close().closeAllConnections())
    const { port } = http.address() as AddressInfo
    const client = await SseClient.open(`http://127.0.0.1:${port}/api`, 'general')
    await client.until(() => client.comments === 2)
  })

  it('a stream that a client cuts leaves no subscription, after a thousand times', PATIENCE, async () => {
    const { backplane, count } = counted(memory())
    const { open } = await serveRoom({ backplane })
    for (let round = 0; round < 1_000; round++) (await open()).cut()
    await until(() => count.subscriptions === 0)
  })

  it('a stream whose client goes while it is opened leaves no subscription', async () => {
    const { backplane, count } = counted(memory())
    const { server } = await serveRoom({ backplane })
    const { subscribe } = backplane
    const [asked, held] = [gate(), gate()]
    backplane.subscribe = async (...args) => {
      asked.open()
      await held.opened
      return subscribe.apply(backplane, args)
    }
    const gone = gate()
    const { node } = apiOf(server)
    const origin = await listen((request, response) => {
      response.once('close', gone.open)
      node(request, response)
    })
    const ending = new AbortController()
    const headers = { authorization: `Bearer ${KEY}` }
    const asking = fetch(`${origin}/api/rooms/general/stream`, { headers, signal: ending.signal })
    asking.catch(() => {})
    await asked.opened
    ending.abort()
    await gone.opened
    held.open()
    await until(() => count.opened === 1 && count.subscriptions === 0)
  })

  it('HEAD of a stream is answered without one', async () => {
    const { backplane, count } = counted(memory())
    const { base } = await serveRoom({ backplane })
    const headers = { authorization: `Bearer ${KEY}` }
    const answer = await fetch(`${base}/rooms/general/stream`, { method: 'HEAD', headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(await answer.text()).toBe('')
    await until(() => count.subscriptions === 0)
  })
})

describe('a gap in a stream', () => {
  it('a gap in a stream is an event that says so: entries that the log has dropped', async () => {
    const { note, open } = await serveRoom({ backplane: memory({ historyCount: 5 }) })
    const first = await open()
    await note('1')
    await texts(first, 1)
    first.cut()
    await note(...numbers(2, 20))
    const resumed = await open(first.lastEventId)
    const gap = await resumed.next()
    expect(gap).toMatchObject({ type: 'resync', room_id: 'general', reason: 'gap', offset: 15 })
    expect(await texts(resumed, 5)).toEqual(numbers(16, 20))
    expect(resumed.events[0]).toMatchObject({ type: 'resync' })
    const again = await open(resumed.events[0]?.id)
    expect(await texts(again, 5)).toEqual(numbers(16, 20))
  })

  it('a gap in a stream is an event that says so: a log that was ended, while it is read and before it is resumed', async () => {
    const { room, note, open } = await serveRoom()
    const client = await open()
    await note('old')
    await texts(client, 1)
    const { lastEventId } = client
    await room.delete()
    const { epoch } = (await room.info()).head
    const gap = { type: 'resync', reason: 'epoch_changed', epoch, offset: 0 }
    expect(await client.next()).toMatchObject(gap)
    await note('new')
    expect(await texts(client, 1)).toEqual(['new'])
    const resumed = await open(lastEventId)
    expect(await resumed.next()).toMatchObject(gap)
    expect(await texts(resumed, 1)).toEqual(['new'])
  })

  it('a gap in a stream is an event that says so: a log that holds something else, as after a restored backup', async () => {
    const { room, note, open } = await serveRoom()
    await note(...numbers(1, 5))
    const { epoch } = (await room.info()).head
    const forged = Buffer.from(JSON.stringify({ epoch, offset: 3, id: 'another' })).toString('base64url')
    const client = await open(forged)
    expect(await client.next()).toMatchObject({ type: 'resync', reason: 'forked', offset: 5 })
    await note('6')
    expect(await texts(client, 1)).toEqual(['6'])
  })
})

describe('too much of it', () => {
  it('a client that does not read costs a page, disturbs nobody, and is ended after its time', async () => {
    const clock = new WireClock()
    const { backplane, count } = counted(memory({ historyCount: 100_000, historyBytes: 2 ** 30 }))
    const { note, open } = await serveRoom({ backplane, clock }, { stalledMs: 10_000, heartbeatMs: 5_000 })
    const lazy = await open()
    lazy.response.pause()
    const reader = await open()
    const text = 'x'.repeat(50_000)
    let read = 0
    let given = 0
    const { read: readPage } = backplane
    backplane.read = async (...args) => {
      const page = await readPage.apply(backplane, args)
      for (const entry of page.entries) given += entry.text.length
      return page
    }
    // More than the system buffers for two sockets.
    for (; read < 400; read += 10) {
      await Promise.all(Array.from({ length: 10 }, () => note(text)))
      await texts(reader, 10)
    }
    // What was read for both, less what one of them took: the rest is on its way to the lazy one, and most is with the system.
    expect(given - read * text.length).toBeLessThan(12_000_000)
    await clock.advance(9_999)
    await reader.until(() => reader.comments === 1)
    expect(count.subscriptions).toBe(2)
    await clock.advance(1)
    expect(count.subscriptions).toBe(1)
    lazy.response.resume()
    expect(await lazy.closed).toBe(false)
    await note('still here')
    expect(await texts(reader, 1)).toEqual(['still here'])
  })

  it('a stream above the limit gets 503 and when to come back, until another one ends', async () => {
    const { call, open } = await serveRoom({}, { streams: 2 })
    const [first] = [await open(), await open()]
    const refused = await call('GET', '/rooms/general/stream')
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable', retry_after_ms: 1_000 } })
    expect(refused.headers.get('retry-after')).toBe('1')
    first.cut()
    await expect
      .poll(() =>
        open()
          .then(() => true)
          .catch(() => false),
      )
      .toBe(true)
  })

  it('a thousand streams at once get everything, and members are not disturbed', PATIENCE, async () => {
    const { url, room, note, open } = await serveRoom()
    const member = await connectExtended(url)
    await member.join('general')
    const clients = await Promise.all(Array.from({ length: 1_000 }, () => open()))
    const before = process.memoryUsage().rss
    await note(...numbers(1, 50))
    for (const client of clients) {
      await client.until(() => client.events.length === 50)
      expect(client.events.map(({ data }) => JSON.parse(data).text)).toEqual(numbers(1, 50))
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000)
    for (let n = 1; n <= 50; n++) expect(await member.next('noted')).toMatchObject({ offset: n })
    for (const client of clients) client.cut()
    await member.chat('general', 'all is well')
    expect((await room.info()).head.offset).toBe(51)
  })
})

describe('bad input', () => {
  it.each([
    ['a letter', 'x'],
    ['a number', '17'],
    ['a list', Buffer.from('[]').toString('base64url')],
    ['a very long text', 'x'.repeat(4_000)],
  ])('a stream after %s that is no cursor gets 400', async (_, lastEventId) => {
    const { call } = await serveRoom()
    const headers = { 'Last-Event-ID': lastEventId }
    expect(await call('GET', '/rooms/general/stream', undefined, headers)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringContaining('Last-Event-ID') },
    })
  })

  it.each([
    ['/rooms/a%2Fb/stream', 400, 'invalid_room'],
    ['/rooms/%40me/stream', 400, 'invalid_room'],
    ['/rooms/general/stream?after=1', 400, 'invalid_request'],
    ['/rooms/general/streams', 404, 'not_found'],
  ])('%s gets %i', async (path, status, code) => {
    const { call } = await serveRoom()
    expect(await call('GET', path)).toMatchObject({ status, body: { code } })
  })

  it('a stream is for who has the key', async () => {
    const { base } = await serveRoom()
    await expect(SseClient.open(base, 'general', { key: `${KEY}x` })).rejects.toThrow('401')
  })

  it.each(['streams', 'heartbeatMs', 'stalledMs'])(
    'server.http refuses %s that is not above 0',
    async (name) => {
      const { server } = await serveRoom()
      expect(() => apiOf(server, { [name]: 0 })).toThrow(
        new RegExp(`${name} must be a (whole )?number above 0`),
      )
    },
  )
})

describe('the end', () => {
  it('streams end with their server, which tells their clients when to come back, and takes no more', async () => {
    const { server, call, note, open } = await serveRoom()
    const clients = await Promise.all(Array.from({ length: 10 }, () => open()))
    await note('last')
    for (const client of clients) await texts(client, 1)
    const closing = server.close()
    expect(await call('GET', '/rooms/general/stream')).toMatchObject({ status: 503 })
    for (const client of clients) {
      expect(await client.closed).toBe(true)
      expect(client.retryMs).toBeGreaterThanOrEqual(1_000)
      expect(client.retryMs).toBeLessThanOrEqual(5_000)
    }
    expect(new Set(clients.map(({ retryMs }) => retryMs)).size).toBeGreaterThan(5)
    await closing
  })

  it('a stream that fails is logged and broken off, and can be resumed', async () => {
    const backplane = memory()
    const { read } = backplane
    const { note, open, log } = await serveRoom({ backplane })
    const client = await open()
    await note('one')
    await texts(client, 1)
    backplane.read = () => Promise.reject(new Error('The disk is on fire'))
    await note('two')
    expect(await client.closed).toBe(false)
    expect(log).toMatchObject([{ level: 'error', event: 'http: a stream failed' }])
    backplane.read = read
    expect(await texts(await open(client.lastEventId), 1)).toEqual(['two'])
  })
})

describe('fetch', () => {
  it('a stream of fetch brings entries as they are read, and ends when it is cancelled', async () => {
    const { backplane, count } = counted(memory())
    const server = createServer({ protocol, backplane, logger: silentLogger })
    onTestFinished(() => server.close())
    const headers = { authorization: `Bearer ${KEY}` }
    const answer = await apiOf(server).fetch(
      new Request('https://example.com/api/rooms/general/stream', { headers }),
    )
    const seen: string[] = []
    const parser = new EventParser(({ data }) => seen.push(JSON.parse(data).text))
    await server.room('general').publish({ type: 'noted', text: 'one' })
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
    while (seen.length === 0) parser.push(new TextDecoder().decode((await reader.read()).value))
    expect(seen).toEqual(['one'])
    expect(count.subscriptions).toBe(1)
    await reader.cancel()
    expect(count.subscriptions).toBe(0)
  })

  it('a stream of fetch that nobody reads is ended after its time', async () => {
    const clock = new WireClock()
    const { backplane, count } = counted(memory())
    const server = createServer({ protocol, backplane, clock, logger: silentLogger })
    onTestFinished(() => server.close())
    const headers = { authorization: `Bearer ${KEY}` }
    const url = 'https://example.com/api/rooms/general/stream'
    const answer = await apiOf(server, { stalledMs: 1_000 }).fetch(new Request(url, { headers }))
    expect(count.subscriptions).toBe(1)
    await clock.advance(1_000)
    expect(count.subscriptions).toBe(0)
    await expect(answer.text()).rejects.toThrow()
  })
})
