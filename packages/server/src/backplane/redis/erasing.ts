import type { JsonObject, Target } from '@roomful/protocol'
import {
  isChatText,
  isEditText,
  isReactionText,
  START_OF_EDITS,
  targetOf,
  versionOf,
} from '../log/amending.js'
import { erasedMessage, erasedText, unmentionedText } from '../log/erasure.js'
import { openText } from '../log/log.js'
import { forgottenMessage, type ReactionCount } from '../log/reactions.js'
import { type Amending, redactEdits } from './amending.js'
import type { Append } from './append.js'
import { type FeedLine, lineOf, parseLine } from './feed-line.js'
import { findAll, type LogEditor, type Rewrite, rewriteAll, rewritesOf, type Search } from './log-editor.js'
import type { LogUpkeep } from './log-upkeep.js'
import type { MarkCommands } from './mark-commands.js'

export interface ErasingDeps {
  readonly upkeep: LogUpkeep
  readonly marks: Pick<MarkCommands, 'forget'>
  /** The feed of all streams, if it is kept. */
  feed(): LogEditor | undefined
  newId(): string
  wallTime(): number
  /** Ends the log of a stream. */
  delete(stream: string): Promise<void>
  forgetReactions: Amending['forget']
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

  /**
   * Edits first: after a failure in between, the repeat still finds the messages to which they belong. Those in the room's log
   * lose their texts with the message, but the feed also has what that log has dropped.
   */
  async #eraseInFeed(userId: string, after: number, untilMs: number): Promise<number> {
    const feed = this.deps.feed()
    if (!feed) return 0
    const search = { words: JSON.stringify(userId), after, untilMs }
    const edited = await editedInFeed(feed, search, userId)
    const edits = { words: START_OF_EDITS, after, untilMs: Number.MAX_SAFE_INTEGER }
    if (edited.size > 0)
      await rewriteAll(feed, edits, (text) =>
        changedLine(text, (line) => {
          const isGone = isEditText(line.open) && edited.has(nameOf(line, targetOf(messageIn(line))))
          return isGone ? erasedInFeed(line, userId, true) : undefined
        }),
      )
    return rewriteAll(feed, search, (text) =>
      changedLine(text, (line) => erasedInFeed(line, userId, false) ?? unmentionedOpen(line.open, userId)),
    )
  }

  /**
   * Reactions first: entries say what is left of them, so that nobody counts by those that lose their texts. The last step
   * also appends the notice. So after a failure before it, the repeat still finds something to erase, and tells of it.
   */
  async #eraseInLog(stream: string, userId: string, untilMs: number): Promise<void> {
    const told = (target: Target, reactions: readonly ReactionCount[]) =>
      this.#append(stream, (id, timestampMs) =>
        forgottenMessage({ id, roomId: stream, userId, target, reactions, timestampMs }),
      )
    for (const offset of await this.#reactedTo(stream, userId, untilMs))
      await this.deps.forgetReactions(stream, userId, offset, told)
    await this.deps.marks.forget(stream, userId)
    for (let isDone = false; !isDone; ) isDone = await this.#passOver(stream, userId, untilMs)
  }

  /** The messages to which a user has reacted: their log has all entries that say so. */
  async #reactedTo(stream: string, userId: string, untilMs: number): Promise<readonly number[]> {
    const targets = new Set<number>()
    const editor = this.deps.upkeep.editor(stream)
    for (let after = 0, more = true; more; ) {
      const found = await editor.find(JSON.stringify(userId), after, untilMs)
      for (const { open } of found.entries) {
        const entry: JsonObject = isReactionText(open) ? JSON.parse(`${open}}`) : {}
        if (entry.user_id === userId) targets.add(targetOf(entry).offset)
      }
      after = found.last
      more = found.more
    }
    return [...targets].sort((a, b) => a - b)
  }

  #append(stream: string, message: (id: string, timestampMs: number) => JsonObject): Append {
    const { newId, wallTime } = this.deps
    const [id, timestampMs] = [newId(), wallTime()]
    const sentByNobody = { sender: undefined, idempotency: undefined }
    const open = openText(message(id, timestampMs))
    return { stream, id, open, timestampMs, newEpoch: newId(), ...sentByNobody }
  }

  /** Resolves with false if texts were changed meanwhile. */
  async #passOver(stream: string, userId: string, untilMs: number): Promise<boolean> {
    const editor = this.deps.upkeep.editor(stream)
    const redacted = new Set<number>()
    let [last, through, isDone]: [readonly Rewrite[], number, boolean] = [[], 0, true]
    for (let after = 0, more = true; more; ) {
      const found = await editor.find(JSON.stringify(userId), after, untilMs)
      const change = (open: string, isGone = false) => erasedOpen(open, userId, found.head, () => isGone)
      const rewrites = rewritesOf(found.entries, (open) => change(open))
      for (const { read } of rewrites) {
        const version = isChatText(read) ? versionOf(JSON.parse(`${read}}`)) : 0
        const edits = (open: string) => change(open, true)
        isDone = (await this.#redact(editor, version, edits, redacted)) && isDone
        through = Math.max(through, version)
      }
      // No notice tells of these.
      const unmentioned = rewritesOf(found.entries, (open) =>
        change(open) === undefined ? unmentionedOpen(open, userId) : undefined,
      )
      if (unmentioned.length > 0) isDone = (await editor.rewrite(unmentioned)) && isDone
      const left = rewrites.filter(({ offset }) => !redacted.has(offset))
      if (left.length > 0) {
        if (last.length > 0) isDone = (await editor.rewrite(last)) && isDone
        last = left
        through = Math.max(through, left.at(-1)?.offset ?? 0)
      }
      after = found.last
      more = found.more
    }
    await this.#forget(stream, userId, untilMs)
    if (last.length === 0) return isDone
    return (await this.#finish(stream, userId, last, through)) && isDone
  }

  /** Takes the texts from all edits of a message. */
  async #redact(
    editor: LogEditor,
    version: number,
    change: (open: string) => string | undefined,
    redacted: Set<number>,
  ): Promise<boolean> {
    const newest = await redactEdits(editor, version, change)
    for (const { offset } of newest) redacted.add(offset)
    return newest.length === 0 || editor.rewrite(newest)
  }

  async #finish(stream: string, userId: string, last: readonly Rewrite[], through: number): Promise<boolean> {
    const append = this.#append(stream, (id, timestampMs) =>
      erasedMessage({ id, roomId: stream, userId, through, timestampMs }),
    )
    return this.deps.upkeep.rewriteAndAppend(last, append)
  }

  async #forget(stream: string, userId: string, untilMs: number): Promise<void> {
    let from: number | undefined = 0
    while (from !== undefined) from = await this.deps.upkeep.forget(stream, userId, from, untilMs)
  }
}

/** The messages that will be erased and have edits, perhaps of others. */
async function editedInFeed(feed: LogEditor, search: Search, userId: string): Promise<ReadonlySet<string>> {
  const edited = new Set<string>()
  for await (const { entries } of findAll(feed, search))
    for (const { id, open } of entries) {
      const line = parseLine(open)
      if (!line || !isChatText(line.open) || messageIn(line).edited_at === undefined) continue
      const isErased = erasedInFeed(line, userId, false) !== undefined
      if (isErased) edited.add(nameOf(line, { offset: Number(line.offset), id }))
    }
  return edited
}

function changedLine(text: string, change: (line: FeedLine) => string | undefined): string | undefined {
  const line = parseLine(text)
  const open = line && change(line)
  return line && open !== undefined ? lineOf({ ...line, open }) : undefined
}

function erasedInFeed({ open, offset }: FeedLine, userId: string, isGone: boolean): string | undefined {
  return erasedOpen(open, userId, Number(offset), () => isGone)
}

function messageIn({ open }: FeedLine): JsonObject {
  return JSON.parse(`${open}}`)
}

function nameOf({ epoch, stream }: FeedLine, { offset, id }: Target): string {
  return JSON.stringify([stream, epoch, offset, id])
}

function erasedOpen(open: string, userId: string, head: number, isGone?: () => boolean): string | undefined {
  return erasedText(`${open}}`, userId, head, isGone)?.slice(0, -1)
}

function unmentionedOpen(open: string, userId: string): string | undefined {
  return unmentionedText(`${open}}`, userId)?.slice(0, -1)
}
