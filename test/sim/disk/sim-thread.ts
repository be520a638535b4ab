import type { Clock } from '@roomful/server'
import type { VirtualClock } from '@roomful/server/testing'
import { explained } from '../../../packages/server/src/backplane/sqlite/faults.js'
import type { Reply, Request } from '../../../packages/server/src/backplane/sqlite/requests.js'
import { type Port, type ServeSettings, serve } from '../../../packages/server/src/backplane/sqlite/serve.js'
import { StoreFile } from '../../../packages/server/src/backplane/sqlite/store-file.js'
import type { Thread, ThreadListener } from '../../../packages/server/src/backplane/sqlite/thread.js'
import type { ModelDisk } from './model-disk.js'
import { filesOn } from './model-files.js'
import { type Mount, openOn } from './sqlite.js'
import type { Witness } from './witness.js'

/** The time that a message takes from one thread to the other, in ms. */
const PORT_MS = 0.1

/**
 * The store's thread in virtual time. Its code runs at once, but takes as long as the disk needs: until then the thread
 * receives nothing, and nobody receives what it sends.
 */
export class SimThread implements Thread {
  readonly #mount: Mount
  readonly #inbox: (readonly Request[])[] = []
  /** It will crash before it reports its next commit. */
  crashesAfterCommit = false
  #take: ((requests: readonly Request[]) => void) | undefined
  #freeAt = 0
  #close = () => {}

  constructor(
    private readonly clock: VirtualClock,
    disk: ModelDisk,
    private readonly settings: ServeSettings,
    private readonly witness: Witness,
    private readonly listener: ThreadListener,
  ) {
    this.#mount = { disk, isDead: false }
    clock.after(PORT_MS, () => this.#run(() => this.#open()))
  }

  post(requests: readonly Request[]): void {
    this.clock.after(PORT_MS, () => {
      this.#inbox.push(requests)
      this.#run(() => this.#hear())
    })
  }

  async terminate(): Promise<void> {
    this.kill()
    this.clock.soon(() => this.listener.ended())
  }

  /** Ends it in the middle of whatever it does, without notice. */
  kill(): void {
    const { disk } = this.#mount
    if (this.#mount.isDead) return
    disk.kill(this.clock.now())
    this.#mount.isDead = true
    this.#close()
  }

  /** Ends it as an uncaught error would. */
  crash(error: Error): void {
    if (this.#mount.isDead) return
    this.kill()
    this.listener.failed(error)
    this.listener.ended()
  }

  /** Does the same as worker.ts. */
  #open(): void {
    try {
      this.#serve(this.#openFile())
    } catch (error) {
      const { message } = explained(this.settings.file, error)
      this.#send({ kind: 'not_opened', message })
    }
  }

  #openFile(): StoreFile {
    const { disk } = this.#mount
    // Otherwise a start would begin a new file.
    disk.isMoved = false
    const open = () => {
      const driver = openOn(this.#mount)
      this.#close = () => driver.close()
      return this.witness.watch(driver, (seen) => this.#later(disk.now, seen))
    }
    const file = new StoreFile(this.settings, open, filesOn(this.#mount))
    this.witness.reopened(file.driver, (seen) => this.#later(disk.now, seen))
    return file
  }

  #serve(file: StoreFile): void {
    const port: Port = {
      send: (reply) => this.#send(reply),
      listen: (take) => {
        this.#take = take
      },
      next: () => this.#inbox.shift(),
    }
    serve(file, this.settings, port, this.#clock())
  }

  #hear(): void {
    const requests = this.#take && this.#inbox.shift()
    if (requests) this.#take?.(requests)
  }

  #send(reply: Reply): void {
    const isLost = this.crashesAfterCommit && reply.kind === 'committed'
    this.#later(this.#mount.disk.now + PORT_MS, () => {
      if (isLost) this.crash(new Error('The thread fails before it reports its commit'))
      else this.listener.receive(reply)
    })
  }

  /** Runs a task at a time, unless the thread has ended by then. */
  #later(at: number, task: () => void): () => void {
    return this.clock.after(at - this.clock.now(), () => {
      if (!this.#mount.isDead) task()
    })
  }

  /** Runs a task of the thread's own as soon as it is free. */
  #run(task: () => void): void {
    if (this.#mount.isDead) return
    const now = this.clock.now()
    if (now < this.#freeAt) {
      this.clock.after(this.#freeAt - now, () => this.#run(task))
      return
    }
    const { disk } = this.#mount
    disk.begin(now)
    try {
      task()
    } catch (error) {
      this.#later(disk.now, () => this.crash(error instanceof Error ? error : new Error(String(error))))
    }
    this.#freeAt = disk.now
  }

  /** The clock as the thread sees it. */
  #clock(): Clock {
    const { clock } = this
    const now = () => this.#mount.disk.now
    const after = (ms: number, task: () => void) => this.#later(now() + ms, () => this.#run(task))
    return {
      now,
      wallTime: () => clock.wallTime(),
      after,
      soon: (task) => void after(0, task),
      every: (ms, task) => {
        let cancel = () => {}
        const again = () => {
          cancel = after(ms, again)
          task()
        }
        cancel = after(ms, again)
        return () => cancel()
      },
    }
  }
}
