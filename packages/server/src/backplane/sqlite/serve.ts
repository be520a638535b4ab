import type { Clock } from '../../api/contracts/clock.js'
import { Calls } from './calls.js'
import { CommitLoop } from './commit-loop.js'
import { Erasing } from './erasing.js'
import { Erasures } from './erasures.js'
import type { Reply, Request } from './requests.js'
import { metaIn } from './schema.js'
import { Store } from './store.js'
import type { FileSettings, StoreFile } from './store-file.js'
import { Sweep, type SweepBounds } from './sweep.js'

/** The store thread's end of the channel to the server's thread. */
export interface Port {
  send(reply: Reply): void
  /** Calls `take` for each message that arrives, in a turn of its own. */
  listen(take: (requests: readonly Request[]) => void): void
  /** A message that has arrived since, without waiting for its turn. */
  next(): readonly Request[] | undefined
}

export interface ServeSettings extends FileSettings, SweepBounds {
  readonly marksCount: number
}

const IDLE_MS = 1_000
const PROBE_MS = 1_000

/** Serves requests from a file until it is closed. Everything that has arrived when a turn begins is written together. */
export function serve(file: StoreFile, settings: ServeSettings, port: Port, clock: Clock): void {
  const { now } = clock
  const store = new Store(file.driver, (count) => sweep.remembered(count), settings.marksCount)
  const sweep = new Sweep(file.driver, settings, store.restrictions, now)
  const erasing = new Erasing(
    file.driver,
    store,
    (count) => sweep.remembered(-count),
    () => sweep.removeDeleted(),
  )
  const erasures = new Erasures(file, erasing, port.send)
  const calls = new Calls(file, store, sweep, erasures, () => {
    stopProbing()
    stopIdle()
    erasures.stop()
    file.close()
  })
  const loop = new CommitLoop(file, settings.file, store, calls, erasures, port.send, now)
  const stopProbing = clock.every(PROBE_MS, () => {
    loop.probe()
    if (loop.hasWork && !isUnderWay) turn()
  })
  let stopIdle = () => {}
  let isUnderWay = false

  const turn = () => {
    for (let next = port.next(); next; next = port.next()) loop.take(next)
    stopIdle()
    stopIdle = clock.after(IDLE_MS, () => loop.idle())
    loop.step()
    isUnderWay = loop.hasWork
    // In a separate turn, so that the steps of a backup get their turns.
    if (isUnderWay) clock.soon(turn)
  }

  port.listen((requests) => {
    loop.take(requests)
    if (!isUnderWay) turn()
  })
  port.send({ kind: 'opened', secret: metaIn(file.driver, 'secret') })
}
