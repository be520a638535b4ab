import { pino } from 'pino'
import { expect, it } from 'vitest'
import { createClient, type Logger } from '../../src/index.js'

it('a logger without warn is refused at once, not when the first warning comes', () => {
  const logger = { error: () => {} } as unknown as Logger
  expect(() => createClient({ url: 'ws://test', autoConnect: false, logger })).toThrow(/logger/)
})

it('an option that is misspelt is refused with the nearest name, one that is undefined is left out', () => {
  const start = (options: object) => () =>
    createClient({ url: 'ws://test', autoConnect: false, ...options }).close()
  expect(start({ tokn: () => 'x' })).toThrow(
    /createClient: there is no option 'tokn'; did you mean 'token'\?/,
  )
  expect(start({ timeouts: { dialMS: 5 } })).toThrow(/no option 'timeouts.dialMS'; did you mean 'dialMs'\?/)
  expect(start({ autoConnect: 'no' })).toThrow(/autoConnect must be true or false/)
  expect(start({ token: undefined, outbox: undefined, timeouts: { dialMs: undefined } })).not.toThrow()
})

it('pino logs errors with their causes, given as the types say', () => {
  const lines: string[] = []
  const log = pino({ base: null }, { write: (line) => void lines.push(line) })
  const logger: Logger = {
    warn: (message, err) => log.warn({ err }, message),
    error: (message, err) => log.error({ err }, message),
  }
  logger.error('The token getter failed', new Error('no token', { cause: new Error('the network is away') }))
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    msg: 'The token getter failed',
    err: { message: 'no token: the network is away' },
  })
})
