import { assertOptions, is, type OptionRule, type OptionRules } from '@roomful/protocol/options'
import type { AnyProtocol, ClientOptions } from './options.js'

/** The options that consist of numbers, with their defaults. */
export type Numbers = Readonly<Record<'outbox' | 'timeouts' | 'backoff' | 'heartbeat', object>>

const OWN_EVENTS = ['status', 'expiring']

const OPTIONS: OptionRules<ClientOptions<AnyProtocol>> = {
  // Every build checks the URL, in resolve-options.ts.
  url: is.rule('a URL', () => true),
  protocol: is.rule('the result of defineProtocol()', (value) => is.object.accepts(Object(value).server)),
  token: is.rule('a string or a function', (value) => ['string', 'function'].includes(typeof value)),
  session: is.oneOf('tab', 'memory'),
  storage: is.rule('the result of localOutbox() or storedOutbox()', is.function.accepts),
  outbox: is.object,
  timeouts: is.object,
  backoff: is.object,
  heartbeat: is.object,
  meta: is.function,
  WebSocket: is.rule("a class, such as `WebSocket` of 'ws'", is.function.accepts),
  autoConnect: is.boolean,
  logger: is.with('an object with warn() and error(), such as console', 'warn', 'error'),
}

const CALLS = {
  'room.join': {
    history: is.rule('a whole number, 0 or more', (value) => Number.isInteger(value) && Number(value) >= 0),
    initial: is.rule(
      'the result of snapshot()',
      (value) => Array.isArray(Object(value).messages) && is.object.accepts(Object(value).cursor),
    ),
  },
  'room.leave': { whenSent: is.boolean },
  'room.send': {
    data: is.object,
    replyTo: is.object,
    mentions: is.rule('an array of user ids', (value) => Array.isArray(value)),
  },
  'room.request': {
    timeoutMs: is.positive,
    signal: is.with(
      "an AbortSignal, such as an AbortController's `signal`",
      'addEventListener',
      'removeEventListener',
    ),
  },
  'chat.edit': { data: is.object },
} satisfies Record<string, Record<string, OptionRule>>

/**
 * Checks the options of a method.
 * @throws TypeError that says which option is wrong and how to fix it
 */
export function checkCall(method: keyof typeof CALLS, options: object = {}): void {
  assertOptions(method, defined(options), CALLS[method])
}

/**
 * Finds mistakes that a compiler would, for callers without one. The production build for browsers uses
 * check-options.production.ts instead.
 * @throws TypeError that says which option is wrong and how to fix it
 */
export function checkOptions(options: ClientOptions<AnyProtocol>, defaults: Numbers): void {
  assertOptions('createClient', defined(options), OPTIONS)
  for (const name of ['outbox', 'timeouts', 'backoff', 'heartbeat'] as const)
    assertOptions('createClient', defined(options[name] ?? {}), numbersOf(defaults[name]), name)
  for (const name of OWN_EVENTS) {
    if (options.protocol && Object.hasOwn(options.protocol.server, name))
      throw new TypeError(`createClient: protocol must be free of '${name}', an event of the client itself`)
  }
}

/**
 * As the types say, an undefined option counts as left out. Unlike on the server, no client option that is left out
 * by mistake grants access.
 */
function defined<T extends object>(options: T): T {
  if (Object(options) !== options) return options
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

function numbersOf(defaults: object): Record<string, OptionRule> {
  return Object.fromEntries(Object.keys(defaults).map((name) => [name, is.positive]))
}
