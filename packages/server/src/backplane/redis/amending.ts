import type { JsonObject, Target } from '@roomful/protocol'
import type { Amendment, LogEntry } from '../../api/contracts/backplane.js'
import {
  type Amended,
  amend,
  isEditText,
  isReacting,
  messageAt,
  redactedEdit,
  versionOf,
} from '../log/amending.js'
import { entryText } from '../log/log.js'
import { forgottenText, type NotedReaction, type ReactionCount } from '../log/reactions.js'
import type { Amends, Append, AppendReply, ReactionsChange } from './append.js'
import { type LogEditor, type Rewrite, rewritesOf } from './log-editor.js'
import { notedIn, reactionField, reactionName, startOfNames } from './reaction-fields.js'
import type { ReactionsReply, ReadReply } from './store.js'
import { unavailable } from './unavailable.js'

export interface AmendingDeps {
  readEntry(stream: string, offset: number): Promise<ReadReply>
  readReactions(stream: string, fields: readonly string[]): Promise<ReactionsReply>
  editor(stream: string): LogEditor
  append(append: Append): Promise<AppendReply>
}

type Refusal = Exclude<Amended['status'], 'changed' | 'unchanged'>
type Answer = AppendReply | { readonly status: Refusal }

/** How often other nodes may change the target between the read and the append. */
const ATTEMPTS = 100
/** Stands for the offset that only the append will know. */
const NO_OFFSET = Number.MAX_SAFE_INTEGER
const VERSION = `"version":${NO_OFFSET}`

/**
 * Redis cannot change JSON without harm: its `cjson` turns `[]` into `{}`. So the node reads the target and decides, and
 * the script appends only if the target still has the text that was read.
 */
export class Amending {
  /** The last amendment under way of each message. */
  readonly #turns = new Map<string, Promise<Answer>>()

  constructor(private readonly deps: AmendingDeps) {}

  /** One at a time for each message, or edits could make a deletion start again and again. */
  async append(append: Append, amendment: Amendment): Promise<Answer> {
    const name = `${amendment.target.offset} ${append.stream}`
    const before = this.#turns.get(name)
    const attempt = () => this.#append(append, amendment)
    const turn = before ? before.then(attempt, attempt) : attempt()
    this.#turns.set(name, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name)
    }
  }

  async #append(append: Append, amendment: Amendment): Promise<Answer> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.#find(append.stream, amendment.target.offset)
      const entry = { offset: NO_OFFSET, timestampMs: append.timestampMs }
      const reacted = await this.#reacted(append.stream, amendment)
      const amended = amend(found?.entry, amendment, entry, reacted)
      const amends = await this.#amends(append.stream, amendment, found, amended)
      if (!amends) continue
      const reply = await this.deps.append({ ...append, amends, isReaction: isReacting(amendment) })
      if (reply.status === 'refused') return { status: amended.status as Refusal }
      if (reply.status !== 'moved') return reply
    }
    throw unavailable(new Error('Others kept changing this message'))
  }

  /**
   * Takes back what a user reacted to a message, and appends the entry that tells what is left. Resolves at once if nothing
   * is noted.
   */
  async forget(
    stream: string,
    userId: string,
    offset: number,
    told: (target: Target, reactions: readonly ReactionCount[]) => Append,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.#find(stream, offset)
      const message = found && messageAt(found.entry, found.entry)
      if (!found || !message || message.deleted) return
      const noted = await this.#notedOf(stream, userId, offset)
      if (noted.length === 0) return
      const { text, reactions } = forgottenText(found.entry.text, noted, NO_OFFSET)
      const field = reactionField(offset, userId)
      const amends: Amends = {
        ...this.#changed(found, text),
        reactions: { kind: 'forget', field, start: startOfNames(userId) },
        redactions: [],
      }
      const target = { offset, id: found.entry.id }
      const reply = await this.deps.append({ ...told(target, reactions), isReaction: true, amends })
      if (reply.status !== 'moved') return
    }
    throw unavailable(new Error('Others kept changing this message'))
  }

  /** Read after the message: if that is still the same when this is appended, so is this. */
  async #reacted(stream: string, amendment: Amendment): Promise<NotedReaction | undefined> {
    if (!isReacting(amendment)) return undefined
    const { target, userId, reaction } = amendment
    const noted = await this.#notedOf(stream, userId, target.offset)
    return noted.find((one) => one.reaction === reaction)
  }

  async #notedOf(stream: string, userId: string, offset: number): Promise<readonly NotedReaction[]> {
    const { fields } = await this.deps.readReactions(stream, [reactionField(offset, userId)])
    return fields.flatMap(notedIn).filter((noted) => noted.userId === userId)
  }

  async #amends(
    stream: string,
    amendment: Amendment,
    found: Found | undefined,
    amended: Amended,
  ): Promise<Amends | undefined> {
    if (!found || (amended.status !== 'changed' && amended.status !== 'unchanged'))
      return { status: 'refused' }
    if (amended.status === 'unchanged') {
      const made = (await this.#find(stream, amended.madeAt))?.entry
      if (!made) return undefined
      const timestampMs = Date.parse(JSON.parse(made.text).timestamp)
      return { status: 'unchanged', madeBy: { offset: made.offset, id: made.id, timestampMs } }
    }
    const redactions =
      amended.redactThrough > 0
        ? await redactEdits(this.deps.editor(stream), amended.redactThrough, redactedOpen)
        : []
    const changed = this.#changed(found, amended.text)
    return { ...changed, reactions: changeOf(amendment), redactions }
  }

  #changed({ epoch, entry }: Found, text: string) {
    const open = openOf(text, epoch, entry.offset)
    // What follows the version are texts of which JSON escapes the quotes.
    const at = open.lastIndexOf(VERSION) + VERSION.length - String(NO_OFFSET).length
    const message = JSON.parse(entry.text) as JsonObject
    return {
      status: 'changed',
      target: entry.offset,
      read: openOf(entry.text, epoch, entry.offset),
      open: [open.slice(0, at), open.slice(at + String(NO_OFFSET).length)],
      previous: message.edited_at === undefined ? 0 : versionOf(message),
    } as const
  }

  async #find(stream: string, offset: number): Promise<Found | undefined> {
    if (offset < 1) return undefined
    const { epoch, entries } = await this.deps.readEntry(stream, offset)
    const [entry] = entries
    return entry?.offset === offset ? { epoch, entry } : undefined
  }
}

interface Found {
  readonly epoch: string
  readonly entry: LogEntry
}

/** Rewrites the edits of a message up to one of them, except for the newest few, which it returns. */
export async function redactEdits(
  editor: LogEditor,
  through: number,
  change: (open: string) => string | undefined,
): Promise<readonly Rewrite[]> {
  let newest: readonly Rewrite[] | undefined
  for (let from: number | undefined = through; from; ) {
    const { entries, next } = await editor.edits(from)
    const rewrites = rewritesOf(entries, change)
    if (newest) await editor.rewrite(rewrites)
    newest ??= rewrites
    from = next
  }
  return newest ?? []
}

function changeOf(amendment: Amendment): ReactionsChange | undefined {
  if (amendment.kind === 'delete') return { kind: 'drop' }
  if (!isReacting(amendment)) return undefined
  const { kind, target, userId, reaction } = amendment
  const field = reactionField(target.offset, userId)
  return { kind: 'note', field, name: reactionName(userId, reaction), isOn: kind === 'react' }
}

function redactedOpen(open: string): string | undefined {
  if (!isEditText(open)) return undefined
  const edit = JSON.parse(`${open}}`) as JsonObject
  return edit.deleted ? undefined : JSON.stringify(redactedEdit(edit)).slice(0, -1)
}

/** The text of an entry without the place that {@link entryText} adds. */
function openOf(text: string, epoch: string, offset: number): string {
  return text.slice(0, -entryText('', epoch, offset).length)
}
