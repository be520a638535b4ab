import { readFileSync } from 'node:fs'
import { silentLogger } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectExtended } from '../support/connect.js'
import { moderatedServer } from './moderated-server.js'

const SLOW_MS = 300

async function start() {
  const rules = {
    readOnly: new Set(['news']),
    slow: new Map([['lounge', SLOW_MS]]),
    reviewed: new Set(['questions']),
  }
  const server = moderatedServer(rules, {
    authenticate: ({ token = '' }) => ({ userId: token, data: { isStaff: token === 'eva' } }),
    logger: silentLogger,
  })
  const { url } = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  const enter = async (user: string, ...rooms: string[]) => {
    const client = await connectExtended(url, { token: user })
    for (const room of rooms) await client.join(room)
    return client
  }
  return { server, enter }
}

let ids = 0
const messageTo = (room_id: string, message: string) => ({
  type: 'chat_message',
  room_id,
  message,
  client_id: `c${++ids}`,
})

describe('the samples of docs/moderation.md', () => {
  it('docs/moderation.md shows the server that runs as a test', () => {
    const sample = readFileSync(new URL('moderated-server.ts', import.meta.url), 'utf8')
    const page = readFileSync(new URL('../../docs/moderation.md', import.meta.url), 'utf8')
    expect(page).toContain(`\`\`\`ts\n${sample}\`\`\``)
  })

  it('a read-only room takes messages of the staff alone', async () => {
    const { enter } = await start()
    const [ana, eva] = [await enter('ana', 'news'), await enter('eva', 'news')]
    expect(await ana.refusal(messageTo('news', 'hello'))).toBe('forbidden')
    await eva.ask(messageTo('news', 'hello'), 'ack')
    expect(await ana.next('chat_message')).toMatchObject({ message: 'hello' })
  })

  it('slow mode takes the next message after the wait that it tells, and edits at once', async () => {
    const { enter } = await start()
    const [ana, bob, eva] = [
      await enter('ana', 'lounge'),
      await enter('bob', 'lounge'),
      await enter('eva', 'lounge'),
    ]
    const { offset, id } = await ana.ask(messageTo('lounge', 'one'), 'ack')
    const second = messageTo('lounge', 'two')
    const refusal = await ana.ask(second, 'error')
    expect(refusal).toMatchObject({ code: 'slow_mode', retry_after_ms: expect.any(Number) })
    const edit = { ...messageTo('lounge', 'first'), type: 'edit_message', target: { offset, id } }
    await ana.ask(edit, 'ack')
    await bob.ask(messageTo('lounge', 'others write'), 'ack')
    for (const text of ['the staff', 'is fast']) await eva.ask(messageTo('lounge', text), 'ack')
    await new Promise((resolve) => setTimeout(resolve, refusal.retry_after_ms))
    await ana.ask(second, 'ack')
  })

  it('a reviewed room shows a message once the staff has approved it, however often that is', async () => {
    const { server, enter } = await start()
    const [ana, bob, eva] = [
      await enter('ana', 'questions'),
      await enter('bob', 'questions'),
      await enter('eva', 'staff', 'questions'),
    ]
    const question = messageTo('questions', 'Why?')
    for (const _ of ['sent', 'sent again']) expect(await ana.refusal(question)).toBe('held')
    expect(await ana.refusal({ type: 'join', room_id: 'staff' })).toBe('forbidden')
    const { room, user, key, text } = await eva.next('held')
    const approval = { type: 'approve', room_id: 'staff', ref: 'r', room, user, key, text }
    expect(await ana.refusal({ ...approval, room_id: 'questions' })).toBe('forbidden')
    for (const _ of ['approved', 'approved again']) await eva.ask(approval, 'reply')
    expect(await bob.next('chat_message')).toMatchObject({ message: 'Why?', user_id: 'ana' })
    expect((await server.room('questions').history()).messages).toHaveLength(1)
    expect((await server.room('staff').history()).messages).toHaveLength(1)
  })
})
