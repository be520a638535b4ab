import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../api/contracts/clock.js'
import { type DriverName, findDriver } from './driver.js'
import { explained, faultOf } from './faults.js'
import { doubtAbout, systemFiles } from './files.js'
import { OwnerNote } from './lock.js'
import { type Port, type ServeSettings, serve } from './serve.js'
import { StoreFile } from './store-file.js'

/** The settings with which the thread is started. */
export interface WorkerSettings extends ServeSettings {
  readonly driver: DriverName | undefined
  /** Modules from which better-sqlite3 is looked up. */
  readonly places: readonly string[]
  readonly lockTimeoutMs: number
}

const LOCK_RETRY_MS = 50

const settings: WorkerSettings = workerData
const port = portToServer()

async function openFile(): Promise<StoreFile> {
  const { file, lockTimeoutMs } = settings
  const open = findDriver(settings.driver, settings.places)
  const until = performance.now() + lockTimeoutMs
  for (let tries = 0; ; tries++) {
    try {
      return new StoreFile(settings, open, systemFiles)
    } catch (error) {
      const isBusy = faultOf(error) === 'busy'
      const owner = isBusy ? new OwnerNote(file, systemFiles).read() : ''
      if (isBusy && performance.now() >= until)
        throw new Error(
          `sqlite: ${file} is in use by ${owner}; stop it, or give this server a file of its own`,
        )
      if (!isBusy) throw explained(file, error)
      if (tries === 0)
        port.send({ kind: 'waiting', message: `sqlite: ${file} is in use by ${owner}; waiting for it` })
      await sleep(LOCK_RETRY_MS)
    }
  }
}

function portToServer(): Port {
  if (!parentPort) throw new Error('this is the code of a worker thread')
  const toServer = parentPort
  return {
    send: (reply) => toServer.postMessage(reply),
    listen: (take) => void toServer.on('message', take),
    next: () => receiveMessageOnPort(toServer)?.message,
  }
}

openFile()
  .then((file) => {
    const doubt = doubtAbout(settings.file)
    if (doubt) port.send({ kind: 'warned', message: doubt })
    serve(file, settings, port, systemClock)
  })
  // Damage may show only in the first reads, after the file was opened.
  .catch((error) => port.send({ kind: 'not_opened', message: explained(settings.file, error).message }))
