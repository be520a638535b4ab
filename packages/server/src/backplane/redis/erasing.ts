import { erasedMessage, erasedText } from '../log/erasure.js'
import { openText } from '../log/log.js'
import { lineOf, parseLine } from './feed-line.js'
import { type LogEditor, type Rewrite, rewriteAll, rewritesOf } from './log-editor.js'
import type { LogUpkeep } from './log-upkeep.js'

export interface ErasingDeps {
  readonly upkeep: LogUpkeep
  /** The feed of all streams, if it is kept. */
  feed(): LogEditor | undefined
  newId(): string
  wallTime(): number
  /** Ends the log of a stream. */
  delete(stream: string): Promise<void>
}

/**
 * Erases what a user wrote, log by log, with one short script at a time. There is no index of authors, so every log is
 * looked through. Nothing is noted of how far it has come: what is erased stays so, and a repeat does the rest.
 */
export class Erasing {
  readonly #running = new Map<string, Promise<void>>()

  constructor(private readonly deps: ErasingDeps) {}

  erase(userId: string): Promise<void> {
    const running = this.#running.get(userId) ?? this.#begin(userId)
    this.#running.set(userId, running)
    return running
  }

  async #begin(userId: string): Promise<void> {
    try {
      await this.#erase(userId, await this.deps.upkeep.time())
    } finally {
      this.#running.delete(userId)
    }
  }

  /** The feed first, so that it holds no erased text after a room's notice, and again for what it got meanwhile. */
  async #erase(userId: string, untilMs: number): Promise<void> {
    await this.deps.delete(`@user:${userId}`)
    const fed = await this.#eraseInFeed(userId, 0, untilMs)
    for await (const stream of this.#streams()) await this.#eraseInLog(stream, userId, untilMs)
    await this.#eraseInFeed(userId, fed, untilMs)
  }

  async *#streams(): AsyncIterable<string> {
    for (let cursor = '0'; ; ) {
      const some = await this.deps.upkeep.streams(cursor)
      yield* some.streams
      cursor = some.cursor
      if (cursor === '0') return
    }
  }

  async #eraseInFeed(userId: string, after: number, untilMs: number): Promise<number> {
    const feed = this.deps.feed()
    if (!feed) return 0
    return rewriteAll(feed, { words: JSON.stringify(userId), after, untilMs }, (text) => {
      const line = parseLine(text)
      const open = line && erasedOpen(line.open, userId)
      return line && open !== undefined ? lineOf({ ...line, open }) : undefined
    })
  }

  /**
   * The last step also appends the notice. So after a failure before it, the repeat still finds something to erase, and
   * tells of it.
   */
  async #eraseInLog(stream: string, userId: string, untilMs: number): Promise<void> {
    const editor = this.deps.upkeep.editor(stream)
    let last: readonly Rewrite[] = []
    for (let after = 0, more = true; more; ) {
      const found = await editor.find(JSON.stringify(userId), after, untilMs)
      const rewrites = rewritesOf(found.entries, (open) => erasedOpen(open, userId))
      if (rewrites.length > 0) {
        if (last.length > 0) await editor.rewrite(last)
        last = rewrites
      }
      after = found.last
      more = found.more
    }
    await this.#forget(stream, userId, untilMs)
    const through = last.at(-1)?.offset
    if (through !== undefined) await this.#finish(stream, userId, last, through)
  }

  async #finish(stream: string, userId: string, last: readonly Rewrite[], through: number): Promise<void> {
    const { upkeep, newId, wallTime } = this.deps
    const [id, timestampMs] = [newId(), wallTime()]
    const message = erasedMessage({ id, roomId: stream, userId, through, timestampMs })
    const sentByNobody = { sender: undefined, idempotency: undefined }
    const append = { stream, id, open: openText(message), timestampMs, newEpoch: newId(), ...sentByNobody }
    await upkeep.rewriteAndAppend(last, append)
  }

  async #forget(stream: string, userId: string, untilMs: number): Promise<void> {
    let from: number | undefined = 0
    while (from !== undefined) from = await this.deps.upkeep.forget(stream, userId, from, untilMs)
  }
}

function erasedOpen(open: string, userId: string): string | undefined {
  return erasedText(`${open}}`, userId)?.slice(0, -1)
}
