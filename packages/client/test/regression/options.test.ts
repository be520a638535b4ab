import { expect, it } from 'vitest'
import { createClient, type Logger } from '../../src/index.js'

it('a logger without warn is refused at once, not when the first warning comes', () => {
  const logger = { error: () => {} } as unknown as Logger
  expect(() => createClient({ url: 'ws://test', autoConnect: false, logger })).toThrow(/logger/)
})
