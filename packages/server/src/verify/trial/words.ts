import { type Finding, limit, wrong } from '../finding.js'
import type { Verdict } from './judge.js'
import type { Tally } from './tally.js'

const NO_PROXY =
  'Run it once more past the proxy: if that is fine, something between drops or repeats frames. If not, please report it.'

/** What a trial found, in words. */
export function trialWords(
  verdict: Verdict,
  { limits, acked, failures, endings }: Tally,
): readonly Finding[] {
  return [
    ...causeWords(verdict),
    ...faultWords(verdict),
    ...(CROWDED.some((code) => limits.has(code))
      ? crowdedWords(verdict)
      : unfinishedWords(verdict, acked, failures)),
    ...refusalWords(verdict),
    ...limitWords(limits),
    ...(endings.has(4001)
      ? [
          wrong(
            'heartbeat',
            'The server closed connections because their pongs did not arrive (4001), though the clients answer every ping.',
            'Have what is between pass WebSocket frames through as they are.',
          ),
        ]
      : []),
  ]
}

function causeWords({ causes, forgotten, breaks, durabilities }: Verdict): readonly Finding[] {
  const gone =
    forgotten > 0
      ? ` ${count(forgotten, 'message')} that had been acknowledged or shown ${forgotten === 1 ? 'is' : 'are'} gone; clients were told (recovered: false).`
      : ''
  const found: Finding[] = []
  if (causes.has('apart'))
    found.push(
      wrong(
        'apart',
        `One room has several logs at once: whoever connects reaches one of several servers that do not share their rooms, so people in the same room do not see each other.${gone}`,
        'Join the nodes by one Redis: createServer({ backplane: redis({ url }) }), or REDIS_URL for the command. In node:cluster and pm2, each worker is a node.',
      ),
    )
  if (causes.has('forgotten'))
    found.push(
      wrong(
        'forgotten',
        `The rooms were begun anew in the course of the trial, as when a server that keeps them in ${durabilities.has('memory') ? 'memory' : 'a store that was emptied'} is restarted.${gone}`,
        'Keep them: createServer({ backplane: sqlite({ file }) }) for one process, redis({ url }) for several. In a container, the file must be on a volume.',
      ),
    )
  if (causes.has('went_back'))
    found.push(
      wrong(
        'went_back',
        `The store went back to an earlier state: the newest entries of a room are gone, and others are in their places.${gone}`,
        "A backup was restored, Redis restarted without appendfsync always, or a replica took over that lacked them: see durability: 'replicated' in docs/redis.md.",
      ),
    )
  if (causes.has('outgrown'))
    found.push(
      wrong(
        'outgrown',
        `The rooms keep less than the few hundred messages of this trial: who is away for a moment misses some.${gone}`,
        'Raise historyCount, historyBytes or historyMs of the store.',
      ),
    )
  if (breaks > 0 && found.length === 0)
    found.push(
      wrong(
        'breaks',
        `${count(breaks, 'time')} a client could not go on from where it was, and was told so.`,
        'The log of the server says why.',
      ),
    )
  return found
}

function faultWords({ lost, duplicated, reordered, holes, altered }: Verdict): readonly Finding[] {
  const found: Finding[] = []
  if (lost > 0)
    found.push(
      wrong(
        'lost',
        `${count(lost, 'message')} that had been acknowledged or shown ${lost === 1 ? 'is' : 'are'} gone, and no client was told.`,
        NO_PROXY,
      ),
    )
  if (holes > 0)
    found.push(wrong('holes', `${count(holes, 'time')} a reader or a page passed over a message.`, NO_PROXY))
  if (duplicated > 0)
    found.push(
      wrong(
        'duplicated',
        `${count(duplicated, 'time')} a message came twice, or a reader was sent back.`,
        NO_PROXY,
      ),
    )
  if (reordered > 0)
    found.push(
      wrong(
        'reordered',
        `${count(reordered, 'time')} messages were not in the order in which they were sent or acknowledged.`,
        NO_PROXY,
      ),
    )
  if (altered > 0)
    found.push(
      wrong(
        'altered',
        `${count(altered, 'message')} ${altered === 1 ? 'is' : 'are'} not what was sent.`,
        'If handle.chat_message rewrites texts, that is meant: use --room for rooms in which it does not.',
      ),
    )
  return found
}

function unfinishedWords(
  { unfinished, causes }: Verdict,
  acked: number,
  failures: Tally['failures'],
): readonly Finding[] {
  const said = [...failures].map(([why, times]) => `${why} ${times}×`).join(', ')
  if (unfinished.has('answers'))
    return [
      wrong(
        'unanswered',
        acked === 0
          ? `Not one message was acknowledged${said ? ` (${said})` : ''}.`
          : `At the end some messages had no acknowledgement${said ? `, and attempts to connect failed (${said})` : ''}.`,
        'If the server was away at the end, run it again, or for more --seconds.',
      ),
    ]
  if (unfinished.has('pages'))
    return [
      wrong(
        'unread',
        'The rooms could not be read at the end, so nobody knows what is lost.',
        'If the server was away at the end, run it again, or for more --seconds.',
      ),
    ]
  if (unfinished.has('messages') && !causes.has('apart'))
    return [
      wrong(
        'missing',
        'Not every reader was sent the newest messages, within 5 s after they were acknowledged.',
        NO_PROXY,
      ),
    ]
  return []
}

/** Limits by which the connections of the trial push each other out. */
const CROWDED = ['too_many_connections', '4009']

function crowdedWords({ unfinished }: Verdict): readonly Finding[] {
  if (unfinished.size === 0) return []
  return [
    limit(
      'incomplete',
      'The trial could not be brought to an end, because its connections pushed each other out.',
      'Use a user of its own for this, or fewer --clients.',
    ),
  ]
}

function refusalWords({ refusals, examples }: Verdict): readonly Finding[] {
  const others = [...refusals].filter((code) => code !== 'other_user')
  const found: Finding[] = []
  if (refusals.has('other_user'))
    found.push(
      wrong(
        'other_user',
        'Anonymous users came back as other users after a reconnect: their sessions are signed by a secret that another process does not know. A message that is repeated then may stand in the room twice.',
        'Give every node the same createServer({ sessionSecret }).',
      ),
    )
  if (others.length > 0)
    found.push(
      wrong(
        'refused',
        `The server refused what it had allowed at first (${others.join(', ')}): ${examples.at(-1) ?? ''}`,
        'Its log, its authorize and its hooks say why.',
      ),
    )
  return found
}

const LIMITS: Readonly<Record<string, string>> = {
  rate_limited:
    'more messages, joins or pages than limits allow of one user (limits.messagesPerSecond and others)',
  too_many_connections: 'more connections than limits.connectionsPerUser allows of one user',
  room_limit: 'more rooms than limits.roomsPerConnection allows',
  4005: 'more messages than the rates allow, three times within a minute (close code 4005)',
  4006: 'the server sheds load (close code 4006)',
  4009: 'more connections than limits.connectionsPerUser allows of one user (close code 4009)',
}

function limitWords(limits: Tally['limits']): readonly Finding[] {
  return [...limits].flatMap(([code, times]) => {
    const what = LIMITS[code]
    if (what === undefined) return []
    return [
      limit(
        `limit_${code}`,
        `The trial met a limit, ${count(times, 'time')}: ${what}. That is no fault.`,
        'Other clients of the same user count too and, where nobody logs in, those of the same address. Use a user of its own, or fewer --clients.',
      ),
    ]
  })
}

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
