import type { NaiveClient } from './naive-client.js'
import type { Person } from './person.js'
import type { Random } from './random.js'

/** Whom and what a fault can strike. */
export interface Targets {
  readonly people: readonly Person[]
  readonly naive: readonly NaiveClient[]
  readonly canReload: boolean
  readonly canKick: boolean
  /** Whether a connection that its client has given up may still deliver what is on its way. */
  readonly canDelay: boolean
  after(ms: number, task: () => void): void
  log(event: string): void
  jumpWall(ms: number): void
  kick(person: Person): void
  restart(how: 'crash' | 'drain', downMs: number): void
}

type Strike = (targets: Targets, person: Person, size: number) => void

type Fault = readonly [weight: number, name: string, strike: Strike]

/** Faults by weight. `size` in [0, 1) says how bad it is. */
const FAULTS: readonly Fault[] = [
  [25, 'cut', (_, { device }) => device.link?.cut()],
  [
    10,
    'lose the next frame to the server, and the connection',
    (_, p) => p.device.link?.dropNext('to_server'),
  ],
  [
    10,
    'lose the next frame to the client, and the connection',
    (_, p) => p.device.link?.dropNext('to_client'),
  ],
  [4, 'half-open towards the server', (_, { device }) => device.link?.halfOpen('to_server')],
  [4, 'half-open towards the client', (_, { device }) => device.link?.halfOpen('to_client')],
  [3, 'half-open both ways', (_, { device }) => device.link?.halfOpen('both')],
  [10, 'delay', ({ canDelay }, p, size) => canDelay && p.device.link?.delay(Math.round(size * 3_000))],
  [10, 'slow', slowDown],
  [10, 'duplicate the next frame', (_, { device }) => device.link?.duplicateNext()],
  [6, 'offline', goOffline],
  [2, 'look at the page', (_, { device }) => device.wake()],
  [4, 'the wall clock jumps', ({ jumpWall }, _, size) => jumpWall(size < 0.5 ? 3_600_000 : -3_600_000)],
  [3, 'the server crashes', ({ restart }, _, size) => restart('crash', size * 8_000)],
  [3, 'the server drains', ({ restart }, _, size) => restart('drain', size * 8_000)],
  [8, 'cut off the base client', cutNaive],
  [12, 'reload', ({ canReload }, person) => canReload && person.reload()],
  [12, 'kick', ({ canKick, kick }, person) => canKick && kick(person)],
]

/** Draws a fault now; it strikes when the returned function is called. */
export function drawFault(random: Random): (targets: Targets) => void {
  const [, name, strike] = pickByWeight(FAULTS, random.next())
  const whom = random.next()
  const size = random.next()
  return (targets) => {
    const person = targets.people[Math.floor(whom * targets.people.length)]
    if (!person) return
    targets.log(`${name} (${person.name}, ${size.toFixed(2)})`)
    strike(targets, person, size)
  }
}

/** What a number in [0, 1) falls on. */
export function pickByWeight<T extends readonly [weight: number, ...unknown[]]>(
  choices: readonly T[],
  drawn: number,
): T {
  let left = drawn * choices.reduce((sum, [weight]) => sum + weight, 0)
  for (const choice of choices) {
    left -= choice[0]
    if (left < 0) return choice
  }
  throw new RangeError('The draw is beyond all weights')
}

function slowDown({ after }: Targets, { device }: Person, size: number): void {
  const { link } = device
  link?.slow(true)
  after(size * 10_000, () => link?.slow(false))
}

function goOffline({ after }: Targets, { device }: Person, size: number): void {
  device.goOffline()
  after(size * 15_000, () => device.goOnline())
}

function cutNaive({ naive }: Targets): void {
  for (const { link } of naive) link?.cut()
}
