/** An entry of a stream, as the feed of all streams holds it: the scripts put it into the text of an entry of the feed. */
export interface FeedLine {
  readonly epoch: string
  readonly offset: string
  readonly previousId: string
  readonly stream: string
  readonly open: string
}

/** `undefined` for an entry of a log that was ended, and for anything else. The message is one line; a name may be several. */
export function parseLine(line: string): FeedLine | undefined {
  const [epoch = '', offset = '', previousId = ''] = line.split('\n', 3)
  const start = epoch.length + offset.length + previousId.length + 3
  const end = line.lastIndexOf('\n')
  if (end < start) return undefined
  return { epoch, offset, previousId, stream: line.slice(start, end), open: line.slice(end + 1) }
}

export function lineOf({ epoch, offset, previousId, stream, open }: FeedLine): string {
  return [epoch, offset, previousId, stream, open].join('\n')
}

/** What words a line has if it holds an entry of this stream, perhaps among others. */
export function wordsOf(stream: string): string {
  return `\n${stream}\n`
}

/** What an entry of a log that was ended leaves in the feed, whose numbers have no holes. */
export const NO_LINE = ''
