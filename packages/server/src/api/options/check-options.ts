import { assertOptions, is, type OptionRule, type OptionRules } from '@roomful/protocol/options'
import type {
  AnyProtocol,
  AttachOptions,
  ChangesOptions,
  CloseOptions,
  ConsumeOptions,
  HttpOptions,
  ListenOptions,
  ServerOptions,
} from '../api.js'
import { assertHookSets } from '../hooks/hook-sets.js'
import { aCount } from './check-calls.js'

const aPath = (example: string) =>
  is.rule(
    `a path that starts with '/', such as '${example}'`,
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
  profiles: is.oneOf('self'),
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

const anyCount = is.rule(
  'a whole number above 0, or Infinity',
  (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) > 0),
)

const LISTEN: OptionRules<ListenOptions> = {
  port: is.port,
  host: is.text,
  path: aPath('/ws'),
  tls: aCertificate,
}
const ATTACH: OptionRules<AttachOptions> = { path: aPath('/ws') }
const CLOSE: OptionRules<CloseOptions> = { lagMs: is.duration, drainMs: is.duration }

const CHANGES: OptionRules<ChangesOptions> = {
  after: is.text,
  from: is.oneOf('oldest', 'now'),
  limit: anyCount,
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
  ahead: is.rule(
    'a whole number from 0 to 10,000',
    (value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= 10_000,
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
export function assertServerOptions(options: ServerOptions<AnyProtocol, unknown>): void {
  assertOptions('createServer', options, SERVER)
  if (options.profiles && options.authenticate)
    throw new TypeError(
      "createServer: profiles: 'self' is for servers without authenticate; with it, return a profile from authenticate",
    )
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
  basePath: aPath('/api'),
  authenticate: is.function,
  bodyBytes: is.positive,
  bodyMs: is.positive,
  streams: anyCount,
  heartbeatMs: is.positive,
  stalledMs: is.positive,
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
