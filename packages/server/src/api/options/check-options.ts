import { isWellFormed } from '@roomful/protocol'
import { assertOptions, is, type OptionRule, type OptionRules } from '@roomful/protocol/options'
import type {
  AnyProtocol,
  AttachOptions,
  BroadcastOptions,
  ChangesOptions,
  ChatOptions,
  CloseOptions,
  ConsumeOptions,
  HistoryOptions,
  HttpOptions,
  ListenOptions,
  PublishOptions,
  ServerOptions,
} from '../api.js'
import { assertHookSets } from '../hooks/hook-sets.js'

const aPath = is.rule(
  "a path that starts with '/', such as '/ws'",
  (value) => typeof value === 'string' && /^\/[^?#]*$/.test(value),
)
const MIN_SECRET_LENGTH = 16
const aSecret = is.rule(
  `a string of ${MIN_SECRET_LENGTH} characters or more; make one with: openssl rand -base64 32`,
  (value) => typeof value === 'string' && value.length >= MIN_SECRET_LENGTH,
)
const aCertificate = is.rule(
  'an object with a certificate and its key: { cert, key } or { pfx }',
  (value) => {
    const { cert, key, privateKeyIdentifier, pfx, SNICallback } = Object(value)
    return Boolean(pfx || SNICallback || (cert && (key || privateKeyIdentifier)))
  },
)
const aProtocol: OptionRule = is.rule('the result of defineProtocol()', (value) => {
  const { client, server } = Object(value)
  return is.object.accepts(client) && is.object.accepts(server)
})
const aList = is.rule("'same-host' or a list", (value) => value === 'same-host' || Array.isArray(value))
const aCount = is.rule(
  'a whole number, 0 or more',
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
)

const SERVER: OptionRules<ServerOptions<AnyProtocol, unknown>> = {
  protocol: aProtocol,
  authenticate: is.function,
  authorize: is.function,
  backplane: is.with(
    'the result of memory(), redis() or sqlite()',
    'start',
    'publish',
    'subscribe',
    'read',
    'close',
  ),
  limits: is.object,
  on: is.rule(
    'an object of hooks, or a list of them',
    (value) => is.object.accepts(value) || Array.isArray(value),
  ),
  handle: is.object,
  origins: aList,
  trustedProxies: aCount,
  sessionSecret: aSecret,
  logger: is.with(
    'an object with debug, info, warn and error, such as pino()',
    'debug',
    'info',
    'warn',
    'error',
  ),
  clock: is.with(
    'an object with now, wallTime, after, soon and every',
    'now',
    'wallTime',
    'after',
    'soon',
    'every',
  ),
}

const LISTEN: OptionRules<ListenOptions> = { port: is.port, host: is.text, path: aPath, tls: aCertificate }
const ATTACH: OptionRules<AttachOptions> = { path: aPath }
const CLOSE: OptionRules<CloseOptions> = { lagMs: is.duration, drainMs: is.duration }

const aUserId = is.rule('a user id', is.text.accepts)
/** The form of the server's own connection ids; most user ids look different. */
const CONNECTION_ID = /^[\w-]{22}$/
const anAudience = is.rule(
  "a connection's id, as context.connection.id, or { user: 'ana' }",
  (value) =>
    (typeof value === 'string' && CONNECTION_ID.test(value)) ||
    (is.object.accepts(value) &&
      Object.keys(Object(value)).join() === 'user' &&
      is.text.accepts(Object(value).user)),
)
const HISTORY: OptionRules<HistoryOptions> = { limit: aCount, before: aCount, after: aCount }
const BROADCAST: OptionRules<BroadcastOptions> = {
  except: anAudience,
  coalesceKey: is.rule('a string', (value) => typeof value === 'string'),
}
const MAX_KEY_LENGTH = 256
const aKey = is.rule(
  `a string of 1 to ${MAX_KEY_LENGTH} characters, of valid Unicode`,
  (value) => is.text.accepts(value) && String(value).length <= MAX_KEY_LENGTH && isWellFormed(String(value)),
)
const PUBLISH: OptionRules<PublishOptions> = { key: aKey }
const CHAT: OptionRules<ChatOptions> = {
  as: is.rule(
    "a user id, which never begins with '@'",
    (value) => typeof value === 'string' && /^(@server$|[^@])/.test(value),
  ),
  data: is.rule('data as the chat schema of the protocol declares it', () => true),
  key: aKey,
}

const CHANGES: OptionRules<ChangesOptions> = {
  after: is.text,
  from: is.oneOf('oldest', 'now'),
  limit: is.rule(
    'a whole number above 0, or Infinity',
    (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) > 0),
  ),
  live: is.boolean,
  signal: is.rule('an AbortSignal', (value) => value instanceof AbortSignal),
}

/** @throws TypeError that names the option and says how to fix it */
export function assertChangesOptions(options: ChangesOptions): void {
  assertOptions('changes', options, CHANGES)
  if (options.after === undefined || options.from === undefined) return
  throw new TypeError('changes: after and from are two places to begin at; give one of them')
}

const MAX_NAME_LENGTH = 128
const CONSUME: OptionRules<ConsumeOptions> = {
  from: is.oneOf('oldest', 'now'),
  batch: is.rule(
    'a whole number from 1 to 10,000',
    (value) => Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= 10_000,
  ),
  leaseMs: is.positive,
  retryMs: is.positive,
}

/** @throws TypeError that names the argument and says how to fix it */
export function assertConsume(name: unknown, handler: unknown, options: ConsumeOptions): void {
  if (!is.text.accepts(name) || String(name).length > MAX_NAME_LENGTH)
    throw new TypeError(`consume: the name must be a string of 1 to ${MAX_NAME_LENGTH} characters`)
  if (!is.function.accepts(handler)) throw new TypeError('consume: the handler must be a function')
  assertOptions('consume', options, CONSUME)
}

/** @throws TypeError that names the option and says how to fix it */
export function assertHistoryOptions(options: HistoryOptions): void {
  assertOptions('history', options, HISTORY)
  if (options.before === undefined || options.after === undefined) return
  throw new TypeError('history: before and after select different pages; use only one of them')
}

/** With a misspelt or wrong option, the message would reach those who must not get it. */
export function assertBroadcastOptions(options: BroadcastOptions): void {
  assertOptions('broadcast', options, BROADCAST)
}

export function assertBroadcastToAllOptions(options: { readonly exceptUser?: string }): void {
  assertOptions('broadcast', options, { exceptUser: aUserId })
}

export function assertPublishOptions(options: PublishOptions): void {
  assertOptions('publish', options, PUBLISH)
}

export function assertChatOptions(options: ChatOptions): void {
  assertOptions('chat.send', options, CHAT)
}

/** @throws TypeError for a single id: the string would be read as a list of characters */
export function assertIds(caller: 'rooms' | 'users', ids: unknown): void {
  if (Array.isArray(ids)) return
  const one = caller === 'rooms' ? 'room' : 'user'
  throw new TypeError(`${caller}: pass a list of ids, such as ['general']; for a single one, use ${one}(id)`)
}

/** @throws TypeError that names the option and says how to fix it */
export function assertServerOptions(options: ServerOptions<AnyProtocol, unknown>): void {
  assertOptions('createServer', options, SERVER)
  if (options.on) assertHookSets('createServer', options.on)
}

export function assertListenOptions(options: ListenOptions): void {
  assertOptions('listen', options, LISTEN)
  assertReachable('listen', options.path)
}

export function assertAttachOptions(options: AttachOptions): void {
  assertOptions('attach', options, ATTACH)
  assertReachable('attach', options.path)
}

/** A client requests a path in its URL form: encoded, without dots. */
function assertReachable(caller: string, path = '/'): void {
  const asked = new URL(`http://host${path}`).pathname
  if (asked === path) return
  throw new TypeError(
    `${caller}: no client can ask for the path '${path}'; write it in its URL form: '${asked}'`,
  )
}

const HTTP: OptionRules<HttpOptions> = {
  basePath: aPath,
  authenticate: is.function,
  bodyBytes: is.positive,
  bodyMs: is.positive,
}

export function assertHttpOptions(options: HttpOptions): void {
  assertOptions('http', options, HTTP)
  if (options.authenticate === undefined)
    throw new TypeError('http: authenticate is missing; let in who has a key, by bearer(key)')
  assertReachable('http', options.basePath)
}

const TRANSPORT = is.with('', 'send', 'close', 'terminate', 'pause', 'resume')

export function assertTransport(transport: unknown): void {
  if (TRANSPORT.accepts(transport)) return
  throw new TypeError('accept: pass a transport with send, close, terminate, pause and resume')
}

/** Application objects of frameworks look like servers, but never receive an upgrade. */
export function assertHttpServer(server: unknown): void {
  if (is.with('', 'on', 'listen', 'address').accepts(server)) return
  throw new TypeError(
    'attach: pass an HTTP server: the result of app.listen() for Express, app.server for Fastify',
  )
}

export function assertCloseOptions(options: CloseOptions): void {
  assertOptions('close', options, CLOSE)
}
