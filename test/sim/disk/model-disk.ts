import type { Random } from '../random.js'

/** A change of a file that may not be on the disk yet. */
interface Change {
  readonly path: string
  /** When the call returned. */
  readonly at: number
  /** `undefined` for a sync. */
  readonly bytes: Uint8Array | undefined
  readonly offset: number
  /** What undoes it. */
  readonly before: Uint8Array
  readonly sizeBefore: number
  readonly sizeAfter: number
  /** The system tried to write it to the disk, failed, and will not try again. */
  isDropped: boolean
}

class Bytes {
  #bytes = new Uint8Array(0)
  size = 0

  constructor(from?: Bytes) {
    if (!from) return
    this.#bytes = from.read(0, from.size).slice()
    this.size = from.size
  }

  read(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, Math.min(offset + length, this.size))
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length))
      larger.set(this.read(0, this.size))
      this.#bytes = larger
    }
    this.#bytes.set(bytes, offset)
    this.size = Math.max(this.size, end)
  }

  resize(size: number): void {
    if (size < this.size) this.#bytes.fill(0, size, this.size)
    else this.write(size, new Uint8Array(0))
    this.size = size
  }
}

/** The contents of files, by path. */
export type Image = ReadonlyMap<string, Bytes>

export type DiskError = 'full' | 'io'

/** The duration of a sync on a healthy disk, in ms. */
export const GOOD_SYNC_MS = [0.2, 2] as const
const WRITE_MS = 0.01
const OPEN_MS = 0.2

/**
 * A disk with the system's page cache: what is written can be read at once, and is durable once a sync has succeeded. A
 * task that uses the disk runs at once, while its calls take virtual time: `now` is ahead of the clock. `cut` and `kill`
 * undo what it did after the time at which it ended.
 */
export class ModelDisk {
  /** The duration of a sync, in ms. */
  syncMs: readonly [least: number, most: number] = GOOD_SYNC_MS
  /** How many of the next syncs fail. */
  failingSyncs = 0
  /** No file can grow. */
  isFull = false
  /** Nothing can be written. */
  isBroken = false
  /** Its files were moved away; a process that has them open can still use them. */
  isMoved = false
  /** The time at which the current call is done. */
  now = 0
  #files = new Map<string, Bytes>()
  #durable = new Map<string, Bytes>()
  #changes: Change[] = []
  readonly #failures = new Map<string, number>()

  constructor(
    image: Image,
    private readonly random: Random,
  ) {
    this.restore(image)
  }

  heal(): void {
    this.syncMs = GOOD_SYNC_MS
    this.failingSyncs = 0
    this.isFull = false
    this.isBroken = false
    this.isMoved = false
  }

  /** A task begins to use the disk. */
  begin(now: number): void {
    this.now = now
    this.#settle(now)
  }

  has(path: string): boolean {
    return this.#files.has(path)
  }

  create(path: string): void {
    this.now += OPEN_MS
    if (!this.has(path)) this.#files.set(path, new Bytes())
  }

  /** Also syncs the folder, as SQLite requests. */
  delete(path: string): void {
    if (!this.has(path)) return
    this.#resize(path, 0)
    this.#noteSync(path)
  }

  size(path: string): number {
    return this.#files.get(path)?.size ?? 0
  }

  read(path: string, offset: number, length: number): Uint8Array {
    return this.#file(path).read(offset, length)
  }

  write(path: string, offset: number, bytes: Uint8Array): DiskError | undefined {
    this.now += WRITE_MS
    const file = this.#file(path)
    if (this.isBroken) return 'io'
    if (this.isFull && offset + bytes.length > file.size) return 'full'
    const before = file.read(offset, bytes.length).slice()
    const sizeBefore = file.size
    file.write(offset, bytes)
    this.#note({ path, bytes: bytes.slice(), offset, before, sizeBefore, sizeAfter: file.size })
    return undefined
  }

  truncate(path: string, size: number): DiskError | undefined {
    if (this.isBroken) return 'io'
    this.#resize(path, size)
    return undefined
  }

  /** How many syncs of a file have failed. The system reports each to all who had the file open at that time. */
  failuresOf(path: string): number {
    return this.#failures.get(path) ?? 0
  }

  sync(path: string): DiskError | undefined {
    this.now += this.random.between(10 * this.syncMs[0], 10 * this.syncMs[1]) / 10
    if (this.failingSyncs > 0 || this.isBroken) {
      this.failingSyncs = Math.max(0, this.failingSyncs - 1)
      this.#failures.set(path, this.failuresOf(path) + 1)
      for (const change of this.#changes) if (change.path === path) change.isDropped = true
      return 'io'
    }
    this.#noteSync(path)
    return undefined
  }

  /** The process ended at a time. What it did later is undone; what it wrote before is still in the system's cache. */
  kill(at: number): void {
    for (const change of this.#changes.toReversed()) if (change.at > at) this.#undo(change)
    this.#changes = this.#changes.filter((change) => change.at <= at)
  }

  /** The machine lost its power: unsynced changes may have reached the disk or not, in any order. */
  cut(at: number): void {
    this.kill(at)
    this.#settle(at)
    const how = this.random.pick(['nothing', 'all', 'the first', 'some'] as const)
    const pending = this.#changes.filter(({ bytes }) => bytes !== undefined)
    const torn = this.random.between(0, pending.length + 1)
    for (const [index, change] of pending.entries()) {
      const isThere = how === 'all' || (how === 'some' && this.random.next() < 0.5) || index < torn
      if (how === 'nothing' || !isThere) continue
      const isTorn = how === 'the first' && index === torn - 1
      this.#apply(isTorn ? this.#tear(change) : change)
    }
    this.restore(this.#durable)
  }

  /** The files as another process would see them now. */
  image(at: number): Image {
    const copy = new ModelDisk(this.#files, this.random)
    copy.#changes = [...this.#changes]
    copy.kill(at)
    return copy.#files
  }

  /** Replaces all files. */
  restore(image: Image): void {
    const copy = () => new Map([...image].map(([path, bytes]) => [path, new Bytes(bytes)]))
    this.#files = copy()
    this.#durable = copy()
    this.#changes = []
  }

  #tear(change: Change): Change {
    const { bytes = new Uint8Array(0), offset, sizeBefore } = change
    const part = bytes.subarray(0, this.random.between(0, bytes.length))
    return { ...change, bytes: part, sizeAfter: Math.max(sizeBefore, offset + part.length) }
  }

  #resize(path: string, size: number): void {
    const file = this.#file(path)
    const before = file.read(size, file.size).slice()
    const sizeBefore = file.size
    file.resize(size)
    this.#note({ path, bytes: new Uint8Array(0), offset: size, before, sizeBefore, sizeAfter: size })
  }

  #noteSync(path: string): void {
    const { size } = this.#file(path)
    const before = new Uint8Array(0)
    this.#note({ path, bytes: undefined, offset: 0, before, sizeBefore: size, sizeAfter: size })
  }

  #note(change: Omit<Change, 'at' | 'isDropped'>): void {
    this.#changes.push({ ...change, at: this.now, isDropped: false })
  }

  #undo({ path, offset, before, sizeBefore }: Change): void {
    const file = this.#file(path)
    file.write(offset, before)
    file.resize(sizeBefore)
  }

  /** Makes what was synced by now durable: nothing can undo it any more. */
  #settle(now: number): void {
    if (this.#changes.every(({ bytes }) => bytes !== undefined)) return
    const lastSyncs = new Map<string, number>()
    for (const [index, { path, bytes, at }] of this.#changes.entries())
      if (bytes === undefined && at <= now) lastSyncs.set(path, index)
    const left: Change[] = []
    for (const [index, change] of this.#changes.entries())
      if (index > (lastSyncs.get(change.path) ?? -1)) left.push(change)
      else if (!change.isDropped) this.#apply(change)
    this.#changes = left
  }

  #apply({ path, bytes, offset, sizeAfter }: Change): void {
    if (!bytes) return
    const file = this.#durable.get(path) ?? new Bytes()
    this.#durable.set(path, file)
    file.write(offset, bytes)
    if (bytes.length === 0) file.resize(sizeAfter)
  }

  #file(path: string): Bytes {
    const file = this.#files.get(path)
    if (!file) throw new Error(`the model has no ${path}`)
    return file
  }
}
