import { createTestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { type LogLine, logInto } from '../support/wire-server.js'

it('[C8] an authenticate that throws is told that null refuses, in a rationed number of lines', async () => {
  const log: LogLine[] = []
  const { connect, clock } = await createTestServer({
    logger: logInto(log),
    limits: { logLinesPerMinute: 5 },
    authenticate: () => {
      throw new Error('jwt malformed')
    },
    authorize: () => true,
  })
  for (let i = 0; i < 20; i++) {
    const client = await connect({ auth: false })
    client.authenticate({ token: 'x' })
    expect(await client.next('error')).toMatchObject({ code: 'unavailable' })
  }
  const faults = () => log.filter(({ level }) => level === 'error')
  expect(faults()).toHaveLength(5)
  expect(faults()[0]).toMatchObject({
    event: expect.stringMatching(/authenticate failed: .*outage.*return null to refuse/),
    fields: { err: { message: 'jwt malformed' } },
  })
  await clock.advance(60_000)
  expect(faults().slice(5)).toMatchObject([{ fields: { suppressed: 15 } }])
})
