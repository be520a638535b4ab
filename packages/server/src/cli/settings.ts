import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { isApiKey } from '../http/bearer.js'

/** Where the rooms are kept. */
export type StoreSettings =
  | {
      readonly kind: 'file'
      /** Absolute. */
      readonly folder: string
      /** Somebody named the folder, and so relies on it: memory is no substitute. */
      readonly isChosen: boolean
    }
  | { readonly kind: 'memory' }
  /** The Redis that joins this node with others. */
  | { readonly kind: 'redis'; readonly url: string }

export interface Settings {
  readonly host: string
  readonly port: number
  /** A port only for `/healthz`, `/readyz` and `/metrics`; `undefined` serves them beside the page. */
  readonly adminPort: number | undefined
  readonly authSecret: string | undefined
  /** Opens the HTTP API at `/api`; `undefined` serves none. */
  readonly apiKey: string | undefined
  readonly store: StoreSettings
  /** The name of this node on the page; `undefined` uses the host's name. */
  readonly nodeName: string | undefined
  /** Over which SIGTERM moves clients to other nodes, in ms; 0 closes at once. */
  readonly drainMs: number
  /** How many proxies in front of this node append to X-Forwarded-For. */
  readonly trustedProxies: number
  readonly unlimited: boolean
}

export type Command =
  | { readonly run: 'serve'; readonly settings: Settings }
  /** `args` are those of the process that serves. */
  | { readonly run: 'supervise'; readonly args: readonly string[] }
  /** `path` is absolute, and names a database or its folder. */
  | { readonly run: 'check'; readonly path: string }
  | { readonly run: 'help' }
  | { readonly run: 'version' }

/** A mistake by the person who started the command: one sentence, without a stack. */
export class UsageError extends Error {}

export const HELP = `roomful: typed real-time rooms, with a demo page

Usage: roomful [options]
       roomful verify URL    says whether users can rely on a server, and what is wrong; see roomful verify --help
       roomful contract check PROTOCOL    says whether a changed contract breaks old clients; see roomful contract --help

  --port PORT         port of the page and the WebSocket   (PORT, default 3000)
  --host HOST         address to listen on                 (HOST, default 127.0.0.1)
  --admin-port PORT   moves /healthz, /readyz and /metrics (ADMIN_PORT, default: the same port)
  --data DIR          folder in which everything is kept   (ROOMFUL_DATA, default .roomful); for one process at a time
  --memory            keeps everything in memory: a restart forgets it
  --drain SECONDS     over which SIGTERM moves clients to other nodes (DRAIN_SECONDS, default 15); 0 closes at once, which
                      is right for one process: there is no other node, and it is back the sooner
  --supervise         serves in a second process, and starts it again when it was killed; if the address is of this machine
                      alone, as the default is, the page has a button that kills it
  --check [FILE]      reads a database, that in the folder if none is named, says whether it is damaged, and ends;
                      stop the server first
  --help, --version

Environment:
  AUTH_SECRET         signs the JWTs (HS256; sub is the user id, name and picture the profile) that clients must bring; at
                      least 32 characters
  API_KEY             serves the HTTP API at /api to requests that bring it as Bearer; at least 32 characters
  REDIS_URL           joins this node with all others on that Redis, as in redis://localhost:6379; needs npm install redis;
                      everything is kept there, and nothing in a folder
  TRUSTED_PROXIES     how many proxies in front of it append to X-Forwarded-For, such as 1 for one nginx (default 0: all
                      clients behind a proxy count as one address)
  NODE_NAME           what the page calls this node        (default: the host's name)
  ROOMFUL_LIMITS=off  makes rate and connection limits infinite, for load tests

Keeping it in a folder needs Node 22.13 or later, or npm install better-sqlite3@12; without either, the default is memory.
Serves the demo page at /, the WebSocket at /ws. SIGINT (Ctrl-C) exits at once, as SIGTERM does with --drain 0. Otherwise
SIGTERM drains: /readyz answers 503 for 5 s, then clients are asked over 15 s to reconnect elsewhere.`

const MOST_DRAIN_SECONDS = 3_600
const MOST_PROXIES = 99

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  'admin-port': { type: 'string' },
  data: { type: 'string' },
  memory: { type: 'boolean' },
  drain: { type: 'string' },
  supervise: { type: 'boolean' },
  check: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** Reads arguments, then the environment, then the defaults. @throws UsageError */
export function readCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Command {
  const { values, file } = parse(args)
  if (values.help) return { run: 'help' }
  if (values.version) return { run: 'version' }
  if (file !== undefined) return { run: 'check', path: resolve(file) }
  const store = toStore(values, env)
  if (values.check) return { run: 'check', path: toFolder(store) }
  if (values.supervise) return { run: 'supervise', args: args.filter((arg) => arg !== '--supervise') }
  const adminPort = values['admin-port'] ?? env.ADMIN_PORT
  return {
    run: 'serve',
    settings: {
      host: values.host ?? (env.HOST || '127.0.0.1'),
      port: toPort(values.port ?? (env.PORT || '3000'), values.port === undefined ? 'PORT' : '--port'),
      adminPort: adminPort === undefined ? undefined : toPort(adminPort, 'ADMIN_PORT'),
      authSecret: toSecret(env.AUTH_SECRET),
      apiKey: toApiKey(env.API_KEY),
      store,
      nodeName: env.NODE_NAME || undefined,
      drainMs: toDrain(
        values.drain ?? (env.DRAIN_SECONDS || '15'),
        values.drain === undefined ? 'DRAIN_SECONDS' : '--drain',
      ),
      trustedProxies: toProxies(env.TRUSTED_PROXIES || '0'),
      unlimited: toSwitch(env.ROOMFUL_LIMITS),
    },
  }
}

/** @throws UsageError for two places at once: what is in the other one would seem lost */
function toStore(
  { data, memory }: { readonly data?: string | undefined; readonly memory?: boolean | undefined },
  { REDIS_URL, ROOMFUL_DATA }: Readonly<Record<string, string | undefined>>,
): StoreSettings {
  const url = toRedisUrl(REDIS_URL)
  if (memory && data !== undefined)
    throw new UsageError('--memory and --data contradict each other; choose one')
  if (memory && url !== undefined)
    throw new UsageError('--memory and REDIS_URL contradict each other; choose one')
  if (memory) return { kind: 'memory' }
  const folder = data ?? ROOMFUL_DATA
  const name = data === undefined ? 'ROOMFUL_DATA' : '--data'
  if (folder === '') throw new UsageError(`${name} must be a folder, such as ./data`)
  if (url === undefined)
    return { kind: 'file', folder: resolve(folder ?? '.roomful'), isChosen: folder !== undefined }
  if (folder === undefined) return { kind: 'redis', url }
  throw new UsageError(`REDIS_URL keeps everything in Redis, and ${name} in a folder; choose one`)
}

function toFolder(store: StoreSettings): string {
  if (store.kind === 'file') return store.folder
  throw new UsageError('--check reads the database in a folder; leave out --memory and REDIS_URL')
}

/** `file` is what `--check` names. @throws UsageError */
function parse(args: readonly string[]) {
  const { values, positionals } = read(args)
  const [file, more] = positionals
  if (file === undefined) return { values, file }
  if (!values.check || more !== undefined)
    throw new UsageError(`Unexpected argument '${values.check ? more : file}'; see roomful --help`)
  if (values.data === undefined && file !== '') return { values, file }
  throw new UsageError('--check needs one database: a file, or its folder by --data')
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error)
    throw new UsageError(`${reason}; see roomful --help`)
  }
}

function toPort(value: string, name: string): number {
  const port = Number(value)
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port
  throw new UsageError(`${name} must be a port from 0 to 65535, not '${value}'`)
}

/** In ms. @throws UsageError */
function toDrain(value: string, name: string): number {
  const seconds = Number(value)
  if (/^\d{1,4}$/.test(value) && seconds <= MOST_DRAIN_SECONDS) return seconds * 1_000
  throw new UsageError(`${name} must be a number of seconds from 0 to ${MOST_DRAIN_SECONDS}, not '${value}'`)
}

/** @throws UsageError */
function toProxies(value: string): number {
  if (/^\d{1,2}$/.test(value)) return Number(value)
  throw new UsageError(
    `TRUSTED_PROXIES must be a number of proxies from 0 to ${MOST_PROXIES}, not '${value}'`,
  )
}

/** Rejects an empty text, which a forgotten variable leaves: without a secret, everybody could connect. */
function toSecret(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (value.length >= 32) return value
  throw new UsageError(
    'AUTH_SECRET must have at least 32 characters, or be unset to let everybody in; make one with: openssl rand -base64 32',
  )
}

function toApiKey(value: string | undefined): string | undefined {
  if (value === undefined || isApiKey(value)) return value
  throw new UsageError(
    'API_KEY must have at least 32 characters, of ASCII and without spaces, or be unset to serve no API; make one with: openssl rand -hex 32',
  )
}

function toRedisUrl(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (URL.canParse(value) && /^rediss?:\/\/./.test(value)) return value
  // The value is not repeated, because it may contain a password.
  throw new UsageError('REDIS_URL must be a URL such as redis://localhost:6379, or rediss:// for TLS')
}

function toSwitch(value: string | undefined): boolean {
  if (!value || value === 'on') return false
  if (value === 'off') return true
  throw new UsageError(`ROOMFUL_LIMITS must be 'on' or 'off', not '${value}'`)
}
