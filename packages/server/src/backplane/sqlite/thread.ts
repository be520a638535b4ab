import { Worker } from 'node:worker_threads'
import type { Reply, Request } from './requests.js'
import type { WorkerSettings } from './worker.js'
import { workerText } from './worker-text.js'

/** The thread that owns the file, as seen from the server's. */
export interface Thread {
  post(requests: readonly Request[]): void
  terminate(): Promise<void>
}

export interface ThreadListener {
  receive(reply: Reply): void
  /** Always before `ended`. */
  failed(error: Error): void
  ended(): void
}

/** Starts a thread which opens the file, and says `opened` or `not_opened` first. */
export type StartThread = (listener: ThreadListener) => Promise<Thread>

export async function startWorker(settings: WorkerSettings, listener: ThreadListener): Promise<Thread> {
  const worker = new Worker(await workerText(), {
    eval: true,
    workerData: settings,
    name: 'roomful-sqlite',
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  worker.on('message', (reply: Reply) => listener.receive(reply))
  worker.on('error', (error) => listener.failed(error))
  worker.on('exit', () => listener.ended())
  return {
    post: (requests) => worker.postMessage(requests),
    terminate: async () => void (await worker.terminate()),
  }
}
