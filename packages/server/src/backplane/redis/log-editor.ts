/** An entry that {@link LogEditor.find} found, with the text as the log holds it. */
export interface FoundEntry {
  readonly offset: number
  readonly id: string
  readonly open: string
}

/** The text that an entry gets, if it is still there and has the text that was read. */
export interface Rewrite extends FoundEntry {
  readonly read: string
}

export interface FoundEntries {
  readonly entries: readonly FoundEntry[]
  /** The offset up to which it has looked, and whether the log goes on. */
  readonly last: number
  readonly more: boolean
  /** The offset of the newest entry of the log. */
  readonly head: number
}

/** Edits of one message, the newest first. */
export interface FoundEdits {
  readonly entries: readonly FoundEntry[]
  /** The offset of the next older one, if there are more. */
  readonly next: number | undefined
}

/** Finds entries of one log and rewrites them in place: their ids and offsets stay. */
export interface LogEditor {
  /** Looks for words in the next few entries after an offset, among those that were logged until a time. */
  find(words: string, after: number, untilMs: number): Promise<FoundEntries>
  /** Some edits of one message, from the one at an offset back to older ones. */
  edits(from: number): Promise<FoundEdits>
  /** Resolves with whether none of them had yet another text. */
  rewrite(rewrites: readonly Rewrite[]): Promise<boolean>
}

/** Where to look, and for what. */
export interface Search {
  readonly words: string
  readonly after: number
  readonly untilMs: number
}

/** Looks through a log in steps, so that messages do not wait. */
export async function* findAll(editor: LogEditor, { words, after, untilMs }: Search) {
  for (let from = after, more = true; more; ) {
    const found = await editor.find(words, from, untilMs)
    yield found
    from = found.last
    more = found.more
  }
}

/** Rewrites what `change` returns another text for. Resolves with the offset up to which it has looked. */
export async function rewriteAll(
  editor: LogEditor,
  search: Search,
  change: (open: string) => string | undefined,
): Promise<number> {
  let looked = search.after
  for await (const { entries, last } of findAll(editor, search)) {
    const rewrites = rewritesOf(entries, change)
    if (rewrites.length > 0) await editor.rewrite(rewrites)
    looked = last
  }
  return looked
}

export function rewritesOf(
  entries: readonly FoundEntry[],
  change: (open: string) => string | undefined,
): readonly Rewrite[] {
  return entries.flatMap(({ offset, id, open }) => {
    const changed = change(open)
    return changed === undefined ? [] : [{ offset, id, open: changed, read: open }]
  })
}
