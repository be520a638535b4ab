import { createTestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'

it('[P4] a member list is whole though others join while it is being read', async () => {
  const { connect, clock } = await createTestServer()
  const joiners = await Promise.all(Array.from({ length: 5 }, () => connect()))
  for (const joiner of joiners) joiner.send({ type: 'join', room_id: 'r' })
  await clock.settle()
  for (const { frames } of joiners) {
    const joined = frames.find(({ type }) => type === 'joined')
    const entered = frames.filter(({ type, event }) => type === 'presence' && event === 'enter')
    const members = [joined, ...entered].flatMap((frame) => frame?.members as { user_id: string }[])
    expect(new Set(members.map(({ user_id }) => user_id)).size).toBe(5)
    const versions = [Number(joined?.presence_version), ...entered.map(({ version }) => Number(version))]
    expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index))
  }
})
