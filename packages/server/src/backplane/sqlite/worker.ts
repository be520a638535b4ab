import { setTimeout as sleep } from 'node:timers/promises'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Calls } from './calls.js'
import { CommitLoop } from './commit-loop.js'
import { type DriverName, findDriver } from './driver.js'
import { Erasing } from './erasing.js'
import { Erasures } from './erasures.js'
import { explained, faultOf } from './faults.js'
import { OwnerNote } from './lock.js'
import type { Reply, Request } from './requests.js'
import { metaIn } from './schema.js'
import { Store } from './store.js'
import { doubtAbout, type FileSettings, StoreFile } from './store-file.js'
import { Sweep, type SweepBounds } from './sweep.js'
import { Trimming } from './trimming.js'

/** The settings with which the thread is started. */
export interface WorkerSettings extends FileSettings, SweepBounds {
  readonly driver: DriverName | undefined
  /** Where better-sqlite3 is searched. */
  readonly places: readonly string[]
  readonly lockTimeoutMs: number
  /** Whether the thread before it ended while its last commit had failed. */
  readonly isSuspect: boolean
}

const LOCK_RETRY_MS = 50
const IDLE_MS = 1_000
const PROBE_MS = 1_000

const settings: WorkerSettings = workerData
const port = portToServer()

const send = (reply: Reply) => port.postMessage(reply)

async function openFile(): Promise<StoreFile> {
  const { file, lockTimeoutMs } = settings
  const open = findDriver(settings.driver, settings.places)
  const until = performance.now() + lockTimeoutMs
  for (let tries = 0; ; tries++) {
    try {
      const opened = new StoreFile(settings, open)
      if (!settings.isSuspect) return opened
      opened.replace()
      return new StoreFile(settings, open)
    } catch (error) {
      const isBusy = faultOf(error) === 'busy'
      const owner = isBusy ? new OwnerNote(file).read() : ''
      if (isBusy && performance.now() >= until)
        throw new Error(
          `sqlite: ${file} is in use by ${owner}; stop it, or give this server a file of its own`,
        )
      if (!isBusy) throw explained(file, error)
      if (tries === 0)
        send({ kind: 'waiting', message: `sqlite: ${file} is in use by ${owner}; waiting for it` })
      await sleep(LOCK_RETRY_MS)
    }
  }
}

function serve(file: StoreFile): void {
  const sweep = new Sweep(file.driver, settings)
  const store = new Store(file.driver, () => sweep.remembered(1))
  const trimming = new Trimming(file.driver)
  const erasing = new Erasing(
    file.driver,
    store,
    (count) => sweep.remembered(-count),
    () => trimming.removeDeleted(),
  )
  const erasures = new Erasures(file, erasing, send)
  const calls = new Calls(file, store, sweep, erasures, () => {
    clearInterval(probing)
    clearTimeout(idle)
    erasures.stop()
    file.close()
  })
  const loop = new CommitLoop(file, settings.file, store, calls, erasures, send)
  const probing = setInterval(() => {
    loop.probe()
    if (loop.hasWork && !isUnderWay) turn()
  }, PROBE_MS)
  let idle: NodeJS.Timeout | undefined
  let isUnderWay = false

  const turn = () => {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      loop.take(next.message)
    loop.step()
    isUnderWay = loop.hasWork
    // In a separate turn, so that the steps of a backup get their turns.
    if (isUnderWay) setImmediate(turn)
    else idle?.refresh()
  }

  port.on('message', (requests: readonly Request[]) => {
    loop.take(requests)
    if (!isUnderWay) turn()
  })
  idle = setTimeout(() => loop.idle(), IDLE_MS)
  const doubt = doubtAbout(settings.file)
  if (doubt) send({ kind: 'warned', message: doubt })
  send({ kind: 'opened', secret: metaIn(file.driver, 'secret') })
}

function portToServer(): MessagePort {
  if (!parentPort) throw new Error('this is the code of a worker thread')
  return parentPort
}

openFile()
  .then(serve)
  // What is damaged may be found only by the first reads, once the file is open.
  .catch((error) => send({ kind: 'not_opened', message: explained(settings.file, error).message }))
