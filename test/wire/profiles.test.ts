import { join } from 'node:path'
import { sqlite } from '@roomful/server/sqlite'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../durable/disk-stage.js'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { connect, connectExtended } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { serve } from '../support/wire-server.js'

const ADA = { name: 'Ada', avatar: 'https://example.com/ada.png' }

const setProfile = (client: WireClient, profile: object) =>
  client.ask({ type: 'set_profile', profile, ref: 'p' }, 'reply')

interface Page {
  readonly messages?: readonly object[] | undefined
  readonly users?: readonly object[] | undefined
}

/** The name that each message of a page shows. */
function namesIn({ messages = [], users = [] }: Page) {
  const names = new Map(users.map((user) => [Object(user).user_id, Object(user).profile.name]))
  return messages.map((message) => names.get(Object(message).user_id))
}

describe.each(AMENDING_STORES)('on %s, a profile of an anonymous user', (_, make) => {
  it('[N1] [N2] a profile is shown in the list of members, and its changes live', async () => {
    const { url } = await serve({ profiles: 'self', backplane: await make() })
    const [ada, bob] = [await connectExtended(url), await connectExtended(url)]
    expect(await setProfile(ada, ADA)).toEqual({ type: 'reply', ref: 'p', data: ADA })
    await ada.join('lobby')
    const { members } = await bob.join('lobby')
    expect(members).toContainEqual({ user_id: ada.userId, profile: ADA })
    await setProfile(ada, { name: 'Ada L.', role: 'admin' })
    for (const client of [ada, bob]) {
      const told = () => client.frames.find(({ type, event }) => type === 'presence' && event === 'update')
      expect(await client.until(told, 'the new name')).toMatchObject({
        members: [{ user_id: ada.userId, profile: { name: 'Ada L.' } }],
      })
    }
    expect(JSON.stringify(bob.frames)).not.toContain('admin')
    await bob.never('user_joined')
  })

  it('[N3] pages say once what the authors of their messages are called, also those who have left', async () => {
    const { url } = await serve({ profiles: 'self', backplane: await make() })
    const [ada, bob, base] = [await connectExtended(url), await connectExtended(url), await connect(url)]
    await setProfile(ada, ADA)
    for (const client of [ada, bob, base]) await client.join('lobby')
    for (const text of ['one', 'two']) await ada.chat('lobby', text)
    await bob.chat('lobby', 'three')
    await setProfile(ada, { name: 'Ada L.' })
    await ada.chat('lobby', 'four')
    await ada.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    const reader = await connectExtended(url)
    const names = ['Ada L.', 'Ada L.', undefined, 'Ada L.']
    const joined = await reader.join('lobby', { history: 10 })
    expect(namesIn(joined)).toEqual(names)
    expect(joined.users).toHaveLength(1)
    const page = await reader.ask({ type: 'history', room_id: 'lobby' }, 'history')
    expect(namesIn(page)).toEqual(names)
    const [first] = joined.messages ?? []
    const since = { epoch: first?.epoch, offset: first?.offset, id: first?.id }
    expect(namesIn(await reader.join('lobby', { since }))).toEqual(names.slice(1))
  })
})

describe('profiles', () => {
  it('[N3] a server that was started again tells somebody without a profile what authors are called', async () => {
    const file = join(temporaryFolder(), 'chat.db')
    const start = () =>
      serve({
        backplane: sqlite({ file }),
        authenticate: ({ token = '' }) => ({ userId: token, ...(token === 'ada' && { profile: ADA }) }),
        authorize: () => true,
      })
    const first = await start()
    const ada = await connectExtended(first.url, { token: 'ada' })
    await ada.join('lobby')
    await ada.chat('lobby', 'one')
    await first.server.close()
    const bob = await connectExtended((await start()).url, { token: 'bob' })
    expect(namesIn(await bob.join('lobby', { history: 10 }))).toEqual(['Ada'])
  })

  it('[N1] a profile that is too long, blank, of several lines or with another URL is refused', async () => {
    const { url } = await serve({ profiles: 'self' })
    const ada = await connectExtended(url)
    const wrong: [object, string][] = [
      [{ name: ' ' }, 'profile.name'],
      [{ name: 'a\nb' }, 'profile.name'],
      [{ name: 'x'.repeat(512) }, 'profile'],
      [{ avatar: 'javascript:alert(1)' }, 'profile.avatar'],
      [{ avatar: 'https://' }, 'profile.avatar'],
      [{ name: 7 }, 'profile.name'],
    ]
    for (const [profile, path] of wrong) {
      const error = await ada.ask({ type: 'set_profile', profile, ref: 'r' }, 'error')
      expect(error).toMatchObject({ code: 'invalid_message', ref: 'r', issues: [{ path }] })
    }
    expect((await setProfile(ada, {})).data).toEqual({})
  })

  it('[N1] set_profile is unknown to a server that does not allow it', async () => {
    const { url } = await serve()
    const ada = await connectExtended(url)
    expect(await ada.refusal({ type: 'set_profile', profile: ADA })).toBe('unknown_type')
    await expect(
      serve({ profiles: 'self', authenticate: () => ({ userId: 'ana' }), authorize: () => true }),
    ).rejects.toThrow("profiles: 'self' is for servers without authenticate")
  })

  it('[N4] [E12] changes of a profile have a rate', async () => {
    const { url } = await serve({ profiles: 'self', limits: { profileChangesPerMinute: 2 } })
    const ada = await connectExtended(url)
    for (const name of ['a', 'b']) await setProfile(ada, { name })
    const error = await ada.ask({ type: 'set_profile', profile: { name: 'c' }, ref: 'r' }, 'error')
    expect(error).toMatchObject({ code: 'rate_limited', ref: 'r' })
    expect(error.retry_after_ms).toBeGreaterThan(20_000)
  })

  it('[N3] the profile that authenticate returns comes with pages too, within their size', async () => {
    const { url } = await serve({
      limits: { pageBytes: 16_384 },
      authenticate: ({ token = '' }) => ({ userId: token, profile: { name: token.padEnd(900, '.') } }),
      authorize: () => true,
    })
    for (const user of ['ana', 'bob', 'cyd']) {
      const client = await connectExtended(url, { token: user })
      await client.join('lobby')
      await client.chat('lobby', 'x'.repeat(900))
      await client.vanish()
    }
    const reader = await connectExtended(url, { token: 'dan' })
    await reader.join('lobby')
    const page = await reader.ask({ type: 'history', room_id: 'lobby' }, 'history')
    expect(page.messages).toHaveLength(3)
    expect(page.users?.map(({ user_id }) => user_id)).toEqual(['ana', 'bob'])
    expect(JSON.stringify(page).length).toBeLessThan(16_384)
  })
})
