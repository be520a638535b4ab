import type { Finding } from '../finding.js'
import type { Target } from '../target.js'
import { type Greeted, greet } from './greeting.js'
import { type Answered, type Handshake, shakeHands, type Upgraded } from './handshake.js'
import { answerWords, failureWords, SAYS_WHERE, upgradeWords } from './handshake-words.js'
import { clockOffset, clockWords, measurePace, paceWords, roundTrips } from './pace.js'

/** Where Roomful usually is. */
const USUAL_PATHS = ['/ws', '/']
/** How servers answer at a path at which there is something else, or nothing. */
const ELSEWHERE = new Set([200, 400, 404])

/** A server that a client can use, and what was measured of the way to it. */
export interface Reached {
  readonly greeted: Greeted
  readonly handshake: Upgraded
  /** In ms, ascending. */
  readonly roundTrips: readonly number[]
  /** How far the server's clock is ahead of this one, in ms. */
  readonly clockOffsetMs: number | undefined
}

export interface Diagnosis {
  readonly findings: readonly Finding[]
  /** `undefined` if nobody can use it. */
  readonly reached: Reached | undefined
}

/** Goes the way of a client step by step, up to the first that fails. */
export async function diagnose(target: Target): Promise<Diagnosis> {
  const handshake = await shakeHands(target)
  if (handshake.kind !== 'upgraded')
    return { findings: [await notUpgraded(handshake, target)], reached: undefined }
  const found = [...upgradeWords(handshake, target, Date.now())]
  const greeted = await greet(target)
  if ('weight' in greeted) return { findings: [...found, greeted], reached: undefined }
  const pace = await measurePace(greeted.peer)
  greeted.peer.close()
  const openingMs = Math.max(handshake.connectMs, handshake.answerMs)
  const clockOffsetMs = clockOffset(pace, performance.timeOrigin)
  const findings = [...found, ...paceWords(pace, openingMs), ...clockWords(clockOffsetMs)]
  return { findings, reached: { greeted, handshake, roundTrips: roundTrips(pace), clockOffsetMs } }
}

async function notUpgraded(handshake: Exclude<Handshake, Upgraded>, target: Target): Promise<Finding> {
  if (handshake.kind === 'failed') return failureWords(handshake, target)
  return answerWords(handshake, target, await pathsBeside(handshake, target))
}

/** Where else there is a WebSocket, if it is not where it was sought. */
async function pathsBeside({ status, body }: Answered, target: Target): Promise<readonly string[]> {
  if (!ELSEWHERE.has(status) || SAYS_WHERE.test(body)) return []
  const found: string[] = []
  for (const path of USUAL_PATHS) {
    if (path === target.url.pathname) continue
    const { kind } = await shakeHands(target, path)
    if (kind === 'upgraded') found.push(path)
  }
  return found
}
