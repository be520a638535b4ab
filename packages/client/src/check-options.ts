import type { AnyProtocol, ClientOptions } from './options.js'

/** The options that hold numbers, with their defaults. */
export type Numbers = Readonly<Record<'outbox' | 'timeouts' | 'backoff' | 'heartbeat', object>>

/**
 * Finds what a compiler would have, for callers without one. A production build for browsers takes
 * check-options.production.ts in its place.
 * @throws TypeError that says which option is wrong and how to mend it.
 */
export function checkOptions(options: ClientOptions<AnyProtocol>, defaults: Numbers): void {
  const { token, session, protocol, storage, WebSocket, logger = console } = options
  check(['undefined', 'string', 'function'].includes(typeof token), 'token', 'a string or a function')
  check([undefined, 'tab', 'memory'].includes(session), 'session', "'tab' or 'memory'")
  check(
    protocol === undefined || typeof protocol?.server === 'object',
    'protocol',
    'what defineProtocol() returned',
  )
  check(
    storage === undefined || typeof storage === 'function',
    'storage',
    'what localOutbox() or storedOutbox() returned',
  )
  check(
    WebSocket === undefined || typeof WebSocket === 'function',
    'WebSocket',
    "a class, such as `WebSocket` of 'ws'",
  )
  check(
    typeof logger?.warn === 'function' && typeof logger.error === 'function',
    'logger',
    'an object with warn() and error(), such as console',
  )
  for (const name of ['status', 'expiring']) {
    check(
      !protocol || !Object.hasOwn(protocol.server, name),
      'protocol',
      `free of '${name}', an event of the client itself`,
    )
  }
  for (const name of ['outbox', 'timeouts', 'backoff', 'heartbeat'] as const)
    checkNumbers(name, defaults[name], options[name])
}

function checkNumbers(name: string, defaults: object, given: object = {}): void {
  for (const [key, value] of Object.entries(given)) {
    check(key in defaults, `${name}.${key}`, `one of ${Object.keys(defaults).join(', ')}`)
    check(
      value === undefined || (typeof value === 'number' && value > 0),
      `${name}.${key}`,
      'a number above 0',
    )
  }
}

function check(isRight: boolean, option: string, expected: string): void {
  if (!isRight) throw new TypeError(`createClient: ${option} must be ${expected}`)
}
