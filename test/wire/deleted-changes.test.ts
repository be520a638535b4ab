import { type Backplane, type Change, UNLIMITED } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { SECRET, status, WebhookReceiver } from '../support/webhook-receiver.js'
import { serve, until, WireClock } from '../support/wire-server.js'

describe.each(AMENDING_STORES)('what was read ahead on %s', (_, make) => {
  async function started(clock?: WireClock) {
    const backplane = await make()
    const { server } = await serve({ backplane, limits: UNLIMITED, ...(clock && { clock }) })
    return { server, backplane, chat: (room: string) => server.room(room).chat }
  }
  type Server = Awaited<ReturnType<typeof started>>['server']

  /** The ways in which texts are taken back. */
  const RETRACTIONS: Record<
    string,
    (server: Server, target: { offset: number; id: string }) => Promise<unknown>
  > = {
    'a deletion': (server, target) => server.room('a').chat.delete(target),
    'an erasure of its author': (server) => server.user('ana').erase(),
    'the end of its room': (server) => server.room('a').delete(),
  }

  async function sayThreeTimes(server: Server) {
    const { chat } = server.room('a')
    const target = await chat.send('secret one', { as: 'ana' })
    await chat.edit(target, 'secret two', { as: 'ana' })
    return target
  }

  it.each(Object.keys(RETRACTIONS))(
    '[D7] changes after %s hold no text of it, though they were read before',
    async (how) => {
      const { server, chat } = await started()
      await chat('b').send('first')
      const target = await sayThreeTimes(server)
      const seen: unknown[] = []
      for await (const { message } of server.changes({ live: false })) {
        if (seen.length === 0) await RETRACTIONS[how]?.(server, target)
        seen.push(message)
      }
      expect(seen[0]).toMatchObject({ message: 'first' })
      expect(JSON.stringify(seen)).not.toContain('secret')
    },
  )

  it.each(Object.keys(RETRACTIONS))('[D7] a handler that failed gets no text again after %s', async (how) => {
    const { server, chat } = await started()
    const given: Change[][] = []
    await chat('b').send('first')
    const target = await sayThreeTimes(server)
    let isDone = false
    const consumer = server.consume(
      'index',
      async (changes) => {
        given.push([...changes])
        isDone = given.length > 1
        if (isDone) return
        await RETRACTIONS[how]?.(server, target)
        throw new Error('later')
      },
      { retryMs: 50 },
    )
    await until(() => isDone)
    await consumer.stop()
    expect(JSON.stringify(given[0])).toContain('secret')
    expect(given[1]?.[0]).toMatchObject({ roomId: 'b', message: { message: 'first' } })
    expect(JSON.stringify(given.slice(1))).not.toContain('secret')
  })

  it('[D7] webhooks send no text of a message that was deleted while the receiver was down, nor one that waited for its turn', async () => {
    const receiver = await WebhookReceiver.start(status(500))
    const { server, chat } = await started()
    server.webhooks([{ url: receiver.url, secret: SECRET, from: 'oldest', retryMs: 100, concurrency: 1 }])
    await chat('a').send('first')
    await until(() => receiver.received.length > 0)
    const hanging: (() => void)[] = []
    receiver.answer = (_request, response) => hanging.push(() => response.writeHead(500).end())
    await until(() => hanging.length === 1)
    const targets = await Promise.all(['a', 'b'].map((room) => chat(room).send('secret')))
    await new Promise((resolve) => setTimeout(resolve, 100))
    await Promise.all([chat('a').delete(targets[0] as never), chat('b').delete(targets[1] as never)])
    receiver.answer = status(200)
    hanging[0]?.()
    await until(() => receiver.lines.filter((line) => line.endsWith('message_deleted')).length === 2)
    expect(receiver.received.map(({ text }) => text).join()).not.toContain('secret')
    expect(receiver.received.filter(({ text }) => text.includes('"deleted":true'))).toHaveLength(2)
  })

  it('[D7] a dead letter holds no text of a message that was deleted while its last request was under way', async () => {
    const receiver = await WebhookReceiver.start(status(500))
    const { server, chat } = await started()
    const letters: unknown[] = []
    server.webhooks([
      {
        url: receiver.url,
        secret: SECRET,
        from: 'oldest',
        retryMs: 20,
        giveUpMs: 1,
        onDeadLetter: ({ body }) => void letters.push(body),
      },
    ])
    let deleting: Promise<unknown> | undefined
    receiver.answer = (request, response) => {
      const isLast = receiver.received.filter(({ id }) => id === request.id).length === 5
      deleting ??= isLast ? chat('a').delete(target) : undefined
      void Promise.resolve(deleting).then(() => response.writeHead(500).end())
    }
    const target = await chat('a').send('secret')
    await until(() => letters.length >= 1)
    expect(letters[0]).toMatchObject({ type: 'chat_message', data: { message: '', deleted: true } })
  })

  it('changes are read by the page, and again only once a text was taken back or a second has passed', async () => {
    const clock = new WireClock()
    const { server, backplane, chat } = await started(clock)
    const reads = countReads(backplane)
    for (let n = 0; n < 20; n++) await chat('a').send(`${n}`)
    const target = await chat('b').send('secret')
    const counts: number[] = []
    for await (const _ of server.changes({ limit: 20 })) {
      counts.push(reads())
      if (counts.length === 5) await chat('b').delete(target)
      if (counts.length === 10) clock.sleep(1_000)
    }
    const [first = 0, afterDeletion = 0, last = 0] = [counts[4], counts[5], counts.at(-1)]
    expect([counts[0], afterDeletion - first]).toEqual([first, 1])
    // A node on Redis hears of its own deletion a second time.
    expect([2, 3]).toContain(last - first)
  })
})

function countReads({ changes: feed }: Backplane): () => number {
  if (!feed) throw new Error('no feed')
  const { read } = feed
  let count = 0
  feed.read = (...args) => {
    count++
    return read.apply(feed, args)
  }
  onTestFinished(() => {
    feed.read = read
  })
  return () => count
}
