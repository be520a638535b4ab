import { consoleLogger, type Logger } from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { pino } from 'pino'
import { describe, expect, it, vi } from 'vitest'
import { GuardedLogger } from '../../src/engine/process/guarded-logger.js'
import { collectConsole } from '../support/collect-console.js'

/** Calls a logger with each line, and returns what came out. */
function pinoLines(log: (logger: Logger) => void): Record<string, unknown>[] {
  const lines: string[] = []
  const logger = pino({ base: null }, { write: (line) => void lines.push(line) })
  log(new GuardedLogger(logger, new VirtualClock(), 60))
  return lines.map((line) => JSON.parse(line))
}

function recorder() {
  const lines: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = []
  const write = (fields: Readonly<Record<string, unknown>>, event: string) =>
    void lines.push({ event, fields })
  return { lines, logger: { debug: write, info: write, warn: write, error: write } satisfies Logger }
}

const evilError = () =>
  Object.defineProperty(new Error('x'), 'stack', {
    get: () => {
      throw new Error('no')
    },
  })
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const ODD_VALUES: Record<string, () => unknown> = {
  null: () => null,
  undefined: () => undefined,
  'a symbol': () => Symbol('x'),
  'a big integer': () => 1n,
  'an object without a prototype': () => Object.create(null),
  'an object whose toString throws': () => ({
    toString() {
      throw 1
    },
  }),
  'an error whose stack throws': evilError,
  'a revoked proxy': revoked,
  'a function that inspects itself': () => ({
    [Symbol.for('nodejs.util.inspect.custom')]() {
      throw 1
    },
  }),
}

describe('errors in the log', () => {
  it('errors in the log have message, stack and cause where pino looks for them', () => {
    const [line] = pinoLines((logger) =>
      logger.error(
        { err: new Error('it failed', { cause: new Error('wrong password') }) },
        'a handler failed',
      ),
    )
    expect(line).toMatchObject({
      msg: 'a handler failed',
      err: { type: 'Error', message: 'it failed: wrong password' },
    })
    expect(line?.err).toMatchObject({
      stack: expect.stringMatching(/logger\.test\.ts[\s\S]*caused by: Error: wrong password/),
    })
  })

  it('errors in the log are errors, whatever was thrown', () => {
    for (const [what, make] of Object.entries(ODD_VALUES)) {
      const [line] = pinoLines((logger) => logger.error({ err: make() }, 'a handler failed'))
      expect(line, what).toMatchObject({
        err: { type: 'Error', message: expect.stringContaining('thrown: ') },
      })
    }
  })

  it('errors in the log are shown by the console, whatever was thrown, with their causes', () => {
    const written = collectConsole()
    const logger = new GuardedLogger(consoleLogger, new VirtualClock(), 60)
    for (const make of Object.values(ODD_VALUES)) logger.error({ err: make() }, 'a handler failed')
    logger.error({ err: new Error('it failed', { cause: new Error('wrong password') }) }, 'a handler failed')
    expect(written).toHaveLength(Object.keys(ODD_VALUES).length + 1)
    expect(written.at(-1)).toMatch(/it failed[\s\S]*logger\.test\.ts[\s\S]*wrong password/)
  })
})

describe('a logger that fails', () => {
  it('a logger that fails is told on the console, and stops nothing', () => {
    const written = collectConsole()
    for (const make of Object.values(ODD_VALUES)) {
      const fail = () => {
        throw make()
      }
      const logger = new GuardedLogger(
        { debug: fail, info: fail, warn: fail, error: fail },
        new VirtualClock(),
        60,
      )
      logger.warn({}, 'something happened')
      expect(written.pop()).toMatch(/the logger failed lost="something happened" err=Error: thrown: |err=/)
    }
  })

  it('a logger that fails may fail late', async () => {
    const written = collectConsole()
    const failLate = async () => {
      throw new Error('the disk is full')
    }
    const logger = new GuardedLogger(
      { debug: failLate, info: failLate, warn: failLate, error: failLate },
      new VirtualClock(),
      60,
    )
    logger.info({}, 'something happened')
    await new Promise(setImmediate)
    expect(written).toEqual([expect.stringMatching(/lost="something happened"[\s\S]*the disk is full/)])
  })

  it('a logger that fails may fail where the console does too', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {
      throw new Error('EPIPE')
    })
    const logger = new GuardedLogger(consoleLogger, new VirtualClock(), 60)
    expect(() => logger.error({}, 'something happened')).not.toThrow()
    vi.restoreAllMocks()
  })
})

describe('what peers cause in the log', () => {
  it('what peers cause in the log is rationed by event, and counted when the minute is over', async () => {
    const { lines, logger } = recorder()
    const clock = new VirtualClock()
    const guarded = new GuardedLogger(logger, clock, 3)
    for (let i = 0; i < 1_000; i++) guarded.warn({ i }, 'upgrade refused')
    guarded.info({}, 'another event')
    expect(lines.map(({ event }) => event)).toEqual([...Array(3).fill('upgrade refused'), 'another event'])
    await clock.advance(60_000)
    expect(lines.slice(4)).toEqual([{ event: 'upgrade refused', fields: { suppressed: 997 } }])
    guarded.warn({}, 'upgrade refused')
    expect(lines).toHaveLength(6)
    await clock.advance(120_000)
    expect(lines).toHaveLength(6)
    expect(clock.pending).toBe(0)
  })

  it('what peers cause in the log is cut', () => {
    const { lines, logger } = recorder()
    new GuardedLogger(logger, new VirtualClock(), 60).warn({ origin: 'x'.repeat(12_000) }, 'upgrade refused')
    expect(lines[0]?.fields.origin).toBe(`${'x'.repeat(500)}… (12000 characters)`)
    const written = collectConsole()
    consoleLogger.error({ err: new Error('x'.repeat(1_000_000)) }, 'a handler failed')
    expect(written[0]?.length).toBeLessThan(5_000)
  })

  it('neither steers the terminal nor passes for a line of its own', () => {
    const written = collectConsole()
    const hostile = 'a\u001b[2J\u009b2J\u0085\u2028\u202e\u200b\r\n[roomful] error: forged \ud800'
    consoleLogger.warn({ origin: hostile, err: new Error(hostile) }, 'upgrade refused')
    const [text = ''] = written
    expect(text).not.toMatch(/[^\n\P{C}]|[\u2028\u2029]/u)
    expect(text.split('\n').filter((line) => line.startsWith('[roomful]'))).toHaveLength(1)
    expect(text).toContain('\\u{9b}2J')
  })
})
