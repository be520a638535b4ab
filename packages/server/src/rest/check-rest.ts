import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import { isWellFormed } from '@roomful/protocol/wire'
import type { AnyProtocol } from '../api/api.js'
import { MAX_TIMER_MS } from '../api/contracts/clock.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import { assertRoomId, assertUserId } from '../api/options/check-ids.js'
import type { RestOptions } from './rest-api.js'

/** A header carries this unchanged. Any other key could be refused, or reach the server as a different key. */
const HEADER_TEXT = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/

const OPTIONS: OptionRules<RestOptions<AnyProtocol>> = {
  url: is.rule("the URL of the HTTP API, such as 'https://example.com/api'", isApiUrl),
  key: is.rule(
    'the key of the HTTP API, without spaces',
    (value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value),
  ),
  protocol: is.rule('the result of defineProtocol()', (value) => is.object.accepts(Object(value).server)),
  retries: is.rule('a whole number, 0 or more', (value) => Number.isSafeInteger(value) && Number(value) >= 0),
  timeoutMs: is.rule(
    `a number of ms above 0, up to ${MAX_TIMER_MS} (24.8 days)`,
    (value) => is.positive.accepts(value) && Number(value) <= MAX_TIMER_MS,
  ),
  answerBytes: is.positive,
  fetch: is.function,
}

/** @throws TypeError that names the option and says how to fix it */
export function assertRestOptions<O extends RestOptions<AnyProtocol>>(
  options: O,
): O & { readonly key: string } {
  for (const name of ['url', 'key'] as const)
    if (Object.hasOwn(Object(options), name) && options[name] === undefined)
      throw new TypeError(`createRest: ${name} is undefined; is its environment variable set?`)
  assertOptions('createRest', options, OPTIONS)
  const { url, key } = options
  if (url === undefined || key === undefined)
    throw new TypeError(`createRest: ${url === undefined ? 'url' : 'key'} is missing`)
  return { ...options, key }
}

/** @throws TypeError */
export function assertKey(caller: string, key: string | undefined): void {
  if (key === undefined || HEADER_TEXT.test(key)) return
  throw new TypeError(
    `${caller}: over HTTP, key must have 1 to 256 characters of ASCII, without spaces at its ends`,
  )
}

/** The path of a room. @throws RoomfulError `invalid_room` */
export function roomPath(id: string): string {
  assertRoomId(id)
  if (!isDots(id)) return `/rooms/${encodeURIComponent(id)}`
  throw new RoomfulError('invalid_room', { message: `No URL can name the room '${id}'`, roomId: id })
}

/** The id of a user, encoded for a path. @throws TypeError */
export function userPath(id: string): string {
  assertUserId(id)
  if (isDots(id) || !isWellFormed(id)) throw new TypeError(`No URL can name the user ${JSON.stringify(id)}`)
  return encodeURIComponent(id)
}

/** URLs treat these as steps to another path, even if they are encoded. */
function isDots(part: string): boolean {
  return part === '.' || part === '..'
}

function isApiUrl(value: unknown): boolean {
  if (typeof value !== 'string' || /[?#\s]/.test(value)) return false
  try {
    const { protocol, username } = new URL(value)
    return username === '' && (protocol === 'https:' || protocol === 'http:')
  } catch {
    return false
  }
}
