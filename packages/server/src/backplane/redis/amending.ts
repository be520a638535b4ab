import type { JsonObject } from '@roomful/protocol'
import type { Amendment, LogEntry } from '../../api/contracts/backplane.js'
import { type Amended, amend, redactedEdit, versionOf } from '../log/amending.js'
import { entryText } from '../log/log.js'
import type { Amends, Append, AppendReply } from './append.js'
import { type LogEditor, type Rewrite, rewritesOf } from './log-editor.js'
import type { ReadReply } from './store.js'
import { unavailable } from './unavailable.js'

export interface AmendingDeps {
  readEntry(stream: string, offset: number): Promise<ReadReply>
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
      const amended = amend(found?.entry, amendment, entry)
      const amends = await this.#amends(append.stream, amendment, found, amended)
      if (!amends) continue
      const reply = await this.deps.append({ ...append, amends })
      if (reply.status === 'refused') return { status: amended.status as Refusal }
      if (reply.status !== 'moved') return reply
    }
    throw unavailable(new Error('Others kept changing this message'))
  }

  async #amends(
    stream: string,
    { kind, target }: Amendment,
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
    const open = openOf(amended.text, found.epoch, target.offset)
    // What follows the version are texts of which JSON escapes the quotes.
    const at = open.lastIndexOf(VERSION) + VERSION.length - String(NO_OFFSET).length
    const redactions =
      kind === 'delete'
        ? await redactEdits(this.deps.editor(stream), amended.redactThrough, redactedOpen)
        : []
    return {
      status: 'changed',
      target: target.offset,
      read: openOf(found.entry.text, found.epoch, target.offset),
      open: [open.slice(0, at), open.slice(at + String(NO_OFFSET).length)],
      previous: kind === 'edit' ? versionOf(JSON.parse(found.entry.text)) : 0,
      redactions: redactions ?? [],
    }
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

function redactedOpen(open: string): string | undefined {
  const edit = JSON.parse(`${open}}`) as JsonObject
  return edit.deleted ? undefined : JSON.stringify(redactedEdit(edit)).slice(0, -1)
}

/** The text of an entry without the place that {@link entryText} adds. */
function openOf(text: string, epoch: string, offset: number): string {
  return text.slice(0, -entryText('', epoch, offset).length)
}
