import { type Finding, limit, wrong } from '../finding.js'
import type { Target } from '../target.js'
import { SEND_AT_ONCE } from './mends.js'
import type { Arrival, Ending, Frame } from './peer.js'

export type Step = 'auth' | 'join' | 'send'

/** How a connection began that did not begin as Roomful's do. */
export type Beginning =
  | { readonly opened: false; readonly why: string }
  | {
      readonly opened: true
      readonly first: Arrival | undefined
      /** Whether the first frame came only when more was said. */
      readonly isNudged: boolean
      readonly ending: Ending | undefined
    }

/** Why the first frame is not the `system` of a Roomful server. */
export function firstFrameWords(beginning: Beginning): Finding {
  if (!beginning.opened)
    return wrong(
      'no_websocket',
      `The upgrade succeeded once, and then failed: ${beginning.why}.`,
      'Run it again; if it stays, look at the log of the proxy.',
    )
  const { first, isNudged, ending } = beginning
  if (first === undefined && ending)
    return wrong(
      'closed_at_once',
      `The WebSocket opened and was closed before it said anything (${describe(ending)}).`,
      'Look at the log of the server. Another WebSocket server on the same HTTP server may cut it: see docs/frameworks.md.',
    )
  if (first === undefined)
    return wrong(
      'silent',
      'The WebSocket opened, and nothing came within 10 s, not even the greeting with which Roomful begins: either it is another server, or something holds small frames back.',
      SEND_AT_ONCE,
    )
  const { frame, text } = first
  if (frame.type === 'error') return refusalWords('auth', frame, ending, undefined)
  if (frame.type !== 'system')
    return wrong(
      'not_roomful',
      `There is a WebSocket, but it is not Roomful's: it begins with ${JSON.stringify(text)}.`,
      'Correct the path or the host.',
    )
  if (isNudged)
    return wrong(
      'held_back',
      'The greeting came only when more was to be sent: something holds small frames back.',
      SEND_AT_ONCE,
    )
  if (frame.protocol === undefined)
    return wrong(
      'base_server',
      'This server speaks only the base messages: it acknowledges nothing and resumes nothing, so there is nothing to verify.',
      'Use a Roomful server.',
    )
  return wrong(
    'version',
    `This server speaks version ${frame.protocol} of the protocol, and this command version 1.`,
    'Use the command of the same version as the server.',
  )
}

const STEPS: Readonly<Record<Step, string>> = {
  auth: 'the authentication',
  join: 'to join a new room',
  send: 'a chat message',
}

const COOKIE = "Or, if it reads a cookie or another header: --header 'Cookie: NAME=VALUE'"

/** Why the server did not let a client do what the trial needs. */
export function refusalWords(
  step: Step,
  frame: Frame | undefined,
  ending: Ending | undefined,
  target: Target | undefined,
): Finding {
  const code = frame?.code ?? (ending && CODES[ending.code])
  const hasToken = target?.token !== undefined
  switch (code) {
    case 'invalid_token':
    case 'not_authenticated':
    case 'auth_timeout':
      if (!hasToken)
        return wrong(
          'token_missing',
          target?.headers
            ? `The server does not let in who brings these headers and no token (${code}).`
            : `The server asks for a token (${code}).`,
          `Give it a token: --token TOKEN  ${COOKIE}`,
        )
      return wrong(
        'token_refused',
        `The server refuses the token (${code}): authenticate returned null for it.`,
        `Use one that is signed with the secret of this server, and for its audience. A JWT that is not valid yet is refused too: compare the clocks.  ${COOKIE}`,
      )
    case 'token_expired':
      return wrong('token_expired', 'The token has expired.', 'Give it a new one: --token TOKEN')
    case 'too_many_connections':
      return limit(
        'user_connections',
        'The user of this token has as many connections as limits.connectionsPerUser allows.',
        'Use a user of its own for this, or fewer --clients.',
      )
    case 'rate_limited':
    case 'room_limit':
      return limit(
        code,
        `The server refused ${STEPS[step]} because of a limit (${code}): ${frame?.message}.`,
        'Wait, and run it again.',
      )
    case 'unavailable':
    case 'draining':
      return wrong(
        'unavailable',
        `The server refused ${STEPS[step]} for now (${code}): its store or its authentication is not reachable, or it is about to stop.`,
        'Look at its log and at /readyz.',
      )
    case 'internal':
      return wrong(
        'internal',
        `The server's own code failed at ${STEPS[step]} (internal).`,
        'Its log has the cause.',
      )
    case 'unsupported_version':
      return wrong(
        'version',
        'The server speaks another version of the protocol.',
        'Use the command of the same version as the server.',
      )
    case undefined:
      break
    default:
      return deniedWords(step, code, frame?.message ?? '', target)
  }
  if (ending)
    return wrong(
      'closed',
      `The server closed the connection at ${STEPS[step]} (${describe(ending)}).`,
      'Look at its log.',
    )
  return wrong(
    'no_answer',
    `The server did not answer ${STEPS[step]} within 10 s.`,
    'Its authenticate, authorize or a hook hangs, or something holds frames back.',
  )
}

/** By `authorize`, or by a hook with a code of its own. */
function deniedWords(step: Step, code: string, message: string, target: Target | undefined): Finding {
  const said = `${code}${message ? `: ${message}` : ''}`
  switch (step) {
    case 'auth':
      return wrong(
        'connection_refused',
        `The server refuses the connection (${said}).`,
        'on.connect refused it; use a --token that it lets in.',
      )
    case 'join':
      return wrong(
        'room_refused',
        `The server does not let this client join a room whose name begins with '${target?.room}' (${said}).`,
        'Name rooms that authorize and on.join allow: --room PREFIX, with a --token of somebody who may.',
      )
    case 'send':
      return wrong(
        'message_refused',
        `The server takes no chat message of this client (${said}).`,
        'Name rooms in which this client may write: --room PREFIX, with a --token of somebody who may.',
      )
  }
}

/** Where a close code stands for the error before it, which a proxy may have lost. */
const CODES: Readonly<Record<number, string>> = {
  1013: 'unavailable',
  4004: 'token_expired',
  4008: 'auth_timeout',
  4009: 'too_many_connections',
  4500: 'invalid_token',
  4501: 'forbidden',
  4503: 'unsupported_version',
}

function describe({ code, reason }: Ending): string {
  return `close code ${code}${reason ? `, ${reason}` : ''}`
}
