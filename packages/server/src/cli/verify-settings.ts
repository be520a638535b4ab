import { randomBytes } from 'node:crypto'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { parseArgs } from 'node:util'
import { originOf, type Target } from '../verify/target.js'
import { UsageError } from './settings.js'

export interface VerifySettings {
  readonly target: Target
  readonly clients: number
  readonly trialMs: number
  readonly idleMs: number
  readonly json: boolean
}

export const VERIFY_HELP = `roomful verify: whether users can rely on a server, through everything between it and them

Usage: roomful verify URL [options]        for example: roomful verify wss://chat.example.com/ws

  --token TOKEN     what authenticate gets; in a shell, better ROOMFUL_TOKEN, which other users of the machine do not see
  --header 'NAME: VALUE'
                    a header of the requests, such as the Cookie that authenticate reads; for several, name it again
  --origin ORIGIN   that of your pages                   (default: that of the URL, as of a page from the same host)
  --room PREFIX     what the names of the rooms begin with (default: verify-)
  --clients N       how many clients talk, 2 to 50       (default: 4)
  --seconds S       how long they talk                   (default: 60)
  --idle S          how long one connection says nothing (default: 65, more than the 60 s of nginx and of AWS)
  --json            prints one document of JSON
  --help

Says what is wrong, and what to change: the name, the certificate, the path, the origin, the upgrade, the token, the
room, compression, buffering, idle time-outs, the clock. Then real clients write and read in new rooms, while their
connections are cut and left half-open. Restart the server meanwhile, as often as you like. At the end it says how many
messages were lost, duplicated or reordered, and how long acknowledgements and resumes took.
It stays within the default limits of one user. The messages remain in the server's store until they are too old.
Ctrl-C ends the trial and prints what was seen so far. Exit code: 0 nothing is wrong, 1 something is, 2 a wrong option.`

const OPTIONS = {
  token: { type: 'string' },
  header: { type: 'string', multiple: true },
  origin: { type: 'string' },
  room: { type: 'string' },
  clients: { type: 'string' },
  seconds: { type: 'string' },
  idle: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** What the request to upgrade consists of. */
const OWN_HEADER = /^(host|origin|connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/
const MOST_SECONDS = 7 * 86_400
/** Leaves space for what the names of rooms end with. */
const ROOM = /^[\p{L}\p{M}\p{N}_.:\-=,;][\p{L}\p{M}\p{N}_.:\-=@,;]{0,99}$/u

/** `undefined` if help is asked for. @throws UsageError */
export function readVerify(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): VerifySettings | undefined {
  const { values, positionals } = parse(args)
  if (values.help) return undefined
  const [address, ...more] = positionals
  if (address === undefined || more.length > 0)
    throw new UsageError('verify needs one URL, such as wss://chat.example.com/ws; see roomful verify --help')
  const url = toUrl(address)
  const token = values.token ?? (env.ROOMFUL_TOKEN || undefined)
  return {
    target: {
      url,
      origin: values.origin ?? originOf(url),
      room: toRoom(values.room ?? `verify-${randomBytes(3).toString('hex')}-`),
      ...(token !== undefined && { token }),
      ...(values.header && { headers: toHeaders(values.header) }),
    },
    clients: toNumber(values.clients ?? '4', '--clients', 2, 50),
    trialMs: toNumber(values.seconds ?? '60', '--seconds', 1, MOST_SECONDS) * 1_000,
    idleMs: toNumber(values.idle ?? '65', '--idle', 0, MOST_SECONDS) * 1_000,
    json: values.json ?? false,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error)
    throw new UsageError(`${reason}; see roomful verify --help`)
  }
}

function toUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'ws:' || url?.protocol === 'wss:') return url
  const meant =
    url && /^https?:$/.test(url.protocol)
      ? `, as in ${text.replace(/^http/, 'ws')}`
      : ', as in wss://chat.example.com/ws'
  throw new UsageError(`verify needs a URL that begins with ws:// or wss://${meant}`)
}

function toRoom(prefix: string): string {
  if (ROOM.test(prefix)) return prefix
  throw new UsageError(
    '--room must be the beginning of a name of a room: up to 100 letters, digits and _ . : - = , ;',
  )
}

/** @throws UsageError, without the value, which may be a secret */
function toHeaders(texts: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const text of texts) {
    const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(text) ?? []
    const key = name.toLowerCase()
    try {
      validateHeaderName(name)
      validateHeaderValue(name, value.trim())
    } catch {
      throw new UsageError(
        "--header must be a name and a value that HTTP allows, as in 'Cookie: session=a1b2'",
      )
    }
    if (OWN_HEADER.test(key))
      throw new UsageError(
        `--header cannot set ${name}, which belongs to the request itself; the Origin has an option, --origin`,
      )
    const others = headers[key]
    headers[key] =
      others === undefined ? value.trim() : `${others}${key === 'cookie' ? '; ' : ', '}${value.trim()}`
  }
  return headers
}

function toNumber(value: string, name: string, least: number, most: number): number {
  const number = Number(value)
  if (
    value.trim() !== '' &&
    number >= least &&
    number <= most &&
    (name !== '--clients' || Number.isInteger(number))
  )
    return number
  throw new UsageError(`${name} must be a number from ${least} to ${most}, not '${value}'`)
}
