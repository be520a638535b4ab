import { Random } from '../../sim/random.js'
import { killOne, SUBJECTS, type SubjectName } from '../subjects.js'
import { checkRegisters } from './operations.js'
import { RegisterClient, type Shared } from './register-client.js'

export interface RegisterOptions {
  /** How many writes, deletions and reads there are at least. */
  readonly operations: number
  readonly clients: number
  readonly rooms: number
  /** After so many operations, a connection is cut. */
  readonly cutEvery: number
  readonly killEveryMs: number
  readonly seed: number
}

export interface RegisterRun {
  readonly violations: readonly string[]
  readonly complaints: readonly string[]
  readonly operations: number
  readonly reads: number
  readonly messages: number
  /** Operations that were sent again on another connection. */
  readonly repeats: number
  readonly cuts: number
  readonly kills: number
}

const LONGEST_MS = 1_800_000
const PATIENCE_MS = 60_000

/** Lets the devices of a user write, edit, delete and read the same messages while connections and servers fail, and checks all. */
export async function runRegisters(name: SubjectName, options: RegisterOptions): Promise<RegisterRun> {
  const subject = await SUBJECTS[name]()
  const random = new Random(options.seed)
  const ports = subject.servers.map(({ port }) => port)
  const rooms = Array.from({ length: options.rooms }, (_, index): Shared => {
    const known = { messages: [], history: [], complaints: [] }
    return { room: `room-${index}`, ports, ...known, session: undefined, operations: 0, repeats: 0 }
  })
  const sum = (figure: 'operations' | 'repeats') => rooms.reduce((total, room) => total + room[figure], 0)
  const now = () => performance.now()
  const startedAt = now()
  const isOver = () => sum('operations') >= options.operations || now() - startedAt > LONGEST_MS
  const clients: RegisterClient[] = []
  const faults = { cuts: 0, kills: 0 }
  try {
    for (let index = 0; index < options.clients; index++) {
      const shared = rooms[index % rooms.length] as Shared
      clients.push(new RegisterClient(`c${index}`, shared, random.fork(), isOver))
      // The others are the same user as the first one in their room.
      await until(() => shared.session !== undefined, 'somebody is known')
    }
    await Promise.all([
      every(
        options.cutEvery,
        () => sum('operations'),
        isOver,
        async () => {
          random.pick(clients).cut()
          faults.cuts++
        },
      ),
      every(subject.isKilled ? options.killEveryMs : Number.POSITIVE_INFINITY, now, isOver, async () => {
        await killOne(subject, random)
        faults.kills++
      }),
    ])
    await until(() => clients.every(({ isDone }) => isDone), 'everything is answered')
    await Promise.all(rooms.map((shared) => readThrough(shared, random.fork())))
  } finally {
    for (const client of clients) client.close()
    await subject.stop()
  }
  const history = rooms.flatMap((shared) => shared.history)
  return {
    violations: rooms.flatMap((shared) => checkRegisters(shared.history)),
    complaints: rooms.flatMap(({ complaints }) => complaints),
    operations: sum('operations'),
    reads: history.filter(({ kind }) => kind === 'read').length,
    messages: rooms.reduce((total, { messages }) => total + messages.length, 0),
    repeats: sum('repeats'),
    ...faults,
  }
}

/** At the end, somebody who knows nothing reads every message once more. */
async function readThrough(shared: Shared, random: Random): Promise<void> {
  const reader = new RegisterClient(`reader of ${shared.room}`, shared, random, () => false, [
    ...shared.messages,
  ])
  await until(() => reader.isDone, `${shared.room} is read`)
  reader.close()
}

/** Strikes whenever something has grown by so much. */
async function every(
  step: number,
  grown: () => number,
  isOver: () => boolean,
  strike: () => Promise<void>,
): Promise<void> {
  for (let next = grown() + step; !isOver(); await pause(5)) {
    if (grown() < next) continue
    next = grown() + step
    await strike()
  }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`It never comes to this: ${what}`)
    await pause(20)
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
