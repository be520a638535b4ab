import { createHash } from 'node:crypto'
import { isVolatile } from '@roomful/protocol'
import { assertOptions, is, type OptionRules, suggestion } from '@roomful/protocol/options'
import type { AnyProtocol, ChangesStart, WebhookEndpoint } from '../api/api.js'
import { BLOCKED_PORTS } from './blocked-ports.js'
import { keyOf } from './signature.js'

const LOGGED_EVENTS = ['chat_message', 'message_edited', 'message_deleted', 'messages_erased']
const OCCUPANCY_EVENTS = ['user_joined', 'user_left', 'room_emptied'] as const
export type OccupancyEvent = (typeof OCCUPANCY_EVENTS)[number]

/** The checked options of an endpoint, with their defaults. */
export interface Endpoint {
  /** As logs and metrics show it. */
  readonly label: string
  readonly consumer: string
  readonly url: string
  readonly keys: readonly Buffer[]
  /** Types of logged messages; `undefined` for all, including types that only an earlier protocol declared. */
  readonly logged: ReadonlySet<string> | undefined
  readonly occupancy: ReadonlySet<OccupancyEvent>
  readonly from: ChangesStart
  readonly concurrency: number
  readonly timeoutMs: number
  readonly retryMs: number
  readonly giveUpMs: number
  readonly onDeadLetter: NonNullable<WebhookEndpoint['onDeadLetter']>
}

interface CompleteEndpoint extends WebhookEndpoint<AnyProtocol> {
  readonly url: string
  readonly secret: string | readonly string[]
}

const MOST_SECRETS = 10
const MAX_NAME_LENGTH = 100
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

const RULES: OptionRules<WebhookEndpoint> = {
  url: is.rule(
    'a URL such as https://example.com/hooks, without a user and a password',
    (value) => typeof value === 'string' && isPlainUrl(value),
  ),
  secret: is.rule(
    'whsec_ and 24 to 64 bytes in base64, or a list of such secrets; make one with: echo whsec_$(openssl rand -base64 32)',
    (value) => {
      const secrets = [value].flat()
      return secrets.length > 0 && secrets.length <= MOST_SECRETS && secrets.every((secret) => keyOf(secret))
    },
  ),
  events: is.rule(
    'a list of message types, such as chat_message',
    (value) => Array.isArray(value) && value.length > 0 && value.every((type) => typeof type === 'string'),
  ),
  name: is.rule(
    `a string of 1 to ${MAX_NAME_LENGTH} characters`,
    (value) => is.text.accepts(value) && String(value).length <= MAX_NAME_LENGTH,
  ),
  from: is.oneOf('oldest', 'now'),
  insecure: is.boolean,
  concurrency: is.rule(
    'a whole number from 1 to 1,000',
    (value) => Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= 1_000,
  ),
  timeoutMs: is.positive,
  retryMs: is.positive,
  giveUpMs: is.positive,
  onDeadLetter: is.function,
}

/** @throws TypeError that names the option and says how to fix it, without repeating a secret */
export function resolveEndpoints(
  given: readonly WebhookEndpoint<AnyProtocol>[],
  protocol: AnyProtocol | undefined,
): readonly Endpoint[] {
  if (!Array.isArray(given))
    throw new TypeError('webhooks: pass a list of endpoints, such as [{ url, secret }]')
  const endpoints = given.map((endpoint, index) => resolve(endpoint, `[${index}]`, protocol))
  for (const [index, { consumer }] of endpoints.entries()) {
    const first = endpoints.findIndex((endpoint) => endpoint.consumer === consumer)
    if (first < index)
      throw new TypeError(
        `webhooks: [${index}] is the same endpoint as [${first}]; give one of them another name`,
      )
  }
  return endpoints
}

function resolve(
  endpoint: WebhookEndpoint<AnyProtocol>,
  path: string,
  protocol: AnyProtocol | undefined,
): Endpoint {
  assertComplete(endpoint, path)
  assertOptions('webhooks', endpoint, RULES, path)
  assertSecure(endpoint, path)
  assertReachable(endpoint, path)
  const { url, secret, name } = endpoint
  const digest = createHash('sha256').update(url).digest('base64url')
  return {
    // The path or the query may be a secret.
    label: name ?? `${new URL(url).origin}#${digest.slice(0, 6)}`,
    consumer: `webhook:${name ?? digest}`,
    url,
    keys: [secret].flat().flatMap((one) => keyOf(one) ?? []),
    ...eventsOf(endpoint, path, protocol),
    from: endpoint.from ?? 'now',
    concurrency: endpoint.concurrency ?? 8,
    timeoutMs: endpoint.timeoutMs ?? 15_000,
    retryMs: endpoint.retryMs ?? 300_000,
    giveUpMs: endpoint.giveUpMs ?? 86_400_000,
    onDeadLetter: endpoint.onDeadLetter ?? (() => {}),
  }
}

/** A secret from a forgotten variable is undefined. */
function assertComplete(
  endpoint: WebhookEndpoint<AnyProtocol>,
  path: string,
): asserts endpoint is CompleteEndpoint {
  if (!is.object.accepts(endpoint)) return
  const name = (['url', 'secret'] as const).find((name) => endpoint[name] === undefined)
  if (name) throw new TypeError(`webhooks: ${path}.${name} is missing; make it ${RULES[name].expected}`)
}

function isPlainUrl(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, username, password } = new URL(value)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

function assertSecure({ url, insecure = false }: CompleteEndpoint, path: string): void {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:' || insecure || LOOPBACK.test(hostname)) return
  throw new TypeError(
    `webhooks: ${path}.url is http: to another machine, and everybody on the way could read the messages; ` +
      'use https:, or say insecure: true if that network is yours',
  )
}

function assertReachable({ url }: CompleteEndpoint, path: string): void {
  const { port } = new URL(url)
  if (port === '' || !BLOCKED_PORTS.has(Number(port))) return
  throw new TypeError(
    `webhooks: ${path}.url has the port ${port}, to which fetch makes no request; serve the endpoint at another port`,
  )
}

function eventsOf(
  { events }: WebhookEndpoint<AnyProtocol>,
  path: string,
  protocol: AnyProtocol | undefined,
): Pick<Endpoint, 'logged' | 'occupancy'> {
  if (!events) return { logged: undefined, occupancy: new Set() }
  const server = Object.entries(protocol?.server ?? {})
  const published = server.filter(([, definition]) => !isVolatile(definition)).map(([name]) => name)
  const logged = [...LOGGED_EVENTS, ...published]
  for (const type of events) {
    const fault = faultOf(
      type,
      logged,
      server.map(([name]) => name),
    )
    if (fault) throw new TypeError(`webhooks: ${path}.events: ${fault}`)
  }
  return {
    logged: new Set(events.filter((type) => logged.includes(type))),
    occupancy: new Set(OCCUPANCY_EVENTS.filter((type) => events.includes(type))),
  }
}

function faultOf(type: string, logged: readonly string[], declared: readonly string[]): string | undefined {
  const isOccupancy = OCCUPANCY_EVENTS.some((event) => event === type)
  if (isOccupancy && declared.includes(type))
    return `'${type}' is an event of rooms, and a message of your protocol; give the message another name`
  if (isOccupancy || logged.includes(type)) return undefined
  if (declared.includes(type)) return `'${type}' is volatile, and only messages that are logged are sent`
  return `there is no event '${type}'; ${suggestion(type, [...logged, ...OCCUPANCY_EVENTS])}`
}
