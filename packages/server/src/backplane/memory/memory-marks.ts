import type { Position, Subscription } from '../../api/contracts/log.js'
import type { MarkStore, Reader, Reading, UserMark } from '../../api/contracts/marks.js'
import type { RoomLog } from '../log/log.js'
import { countUnread } from '../log/unread.js'
import type { Stream, Streams } from './memory-streams.js'

/** The marks of the streams of one process. */
export class MemoryMarks implements MarkStore {
  readonly watchers = new Set<(stream: string) => void>()

  constructor(
    private readonly streams: () => Streams,
    private readonly now: () => number,
  ) {}

  async move(name: string, reader: Reader, to: Position): Promise<Reading & { moved: boolean }> {
    const stream = this.streams().get(name)
    const moved = stream !== undefined && this.#mayMove(stream, reader.userId, to)
    if (moved) {
      this.streams().marksOf(stream).set(reader.userId, to, this.now())
      this.streams().settle(stream)
    }
    return { ...this.#reading(stream, reader), moved }
  }

  async reading(name: string, reader: Reader): Promise<Reading> {
    return this.#reading(this.streams().get(name), reader)
  }

  async watch(changed: (stream: string) => void): Promise<Subscription> {
    // A separate function for each call, so that one function that watches twice can stop twice.
    const own = (stream: string) => changed(stream)
    this.watchers.add(own)
    return { close: () => void this.watchers.delete(own) }
  }

  async list(name: string, most: number): Promise<readonly UserMark[]> {
    const stream = this.streams().get(name)
    stream?.marks?.expire(this.now())
    return stream?.marks?.newest(most, stream.log.epoch) ?? []
  }

  #mayMove({ log, marks }: Stream, userId: string, { epoch, offset, id }: Position): boolean {
    if (epoch !== log.epoch || offset <= (marks?.get(userId)?.offset ?? 0)) return false
    log.expire(this.now())
    return log.idAt(offset) === id || log.entryAt(offset)?.id === id
  }

  #reading(stream: Stream | undefined, reader: Reader): Reading {
    const { log, marks } = stream ?? { log: this.streams().emptyLog(), marks: undefined }
    marks?.expire(this.now())
    log.expire(this.now())
    const known = marks?.get(reader.userId)
    const mark = known && { epoch: log.epoch, offset: known.offset, id: known.id }
    return { mark, head: log.head, ...countUnread(textsAbove(log, mark?.offset ?? 0), reader) }
  }
}

function* textsAbove(log: RoomLog, offset: number): Generator<string> {
  for (const message of log.messages(log.head.offset, -1)) {
    if (message.offset <= offset) return
    yield message.entry().text
  }
}
