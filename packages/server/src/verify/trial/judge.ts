import {
  type Event,
  entriesOf,
  type History,
  type Place,
  type Violation,
  type ViolationKind,
} from '../checker/history.js'

/** What explains that a log could not go on where its readers were. */
export type Cause =
  /** Several logs of one room at the same time. */
  | 'apart'
  /** A new log in the place of the old one. */
  | 'forgotten'
  /** The log lost its newest entries. */
  | 'went_back'
  /** The log keeps less than its readers missed. */
  | 'outgrown'

/** What a trial waited for in vain: for acknowledgements, for messages at the readers, or for pages at the end. */
export type Unfinished = 'answers' | 'messages' | 'pages'

/** What became of the messages of one or several rounds. */
export interface Verdict {
  /** Messages that were acknowledged or shown, and are gone, and no client was told. */
  readonly lost: number
  /** Messages that are gone, and whose readers were told by `recovered: false` or `resync`. */
  readonly forgotten: number
  readonly duplicated: number
  readonly reordered: number
  readonly holes: number
  readonly altered: number
  /** How often a client was told that it cannot go on from where it was. */
  readonly breaks: number
  readonly causes: ReadonlySet<Cause>
  readonly unfinished: ReadonlySet<Unfinished>
  /** Codes of unexpected refusals. */
  readonly refusals: ReadonlySet<string>
  /** Where the server said that it keeps messages. */
  readonly durabilities: ReadonlySet<string>
  /** The first findings of the checker, and unexpected refusals. */
  readonly examples: readonly string[]
}

export interface Played {
  readonly history: History
  readonly violations: readonly Violation[]
  readonly complaints: readonly string[]
  readonly refusals: readonly string[]
  readonly unfinished: readonly Unfinished[]
}

const EXAMPLES = 10

/** What follows from a log that is not what it was, and says nothing of its own. */
const FOLLOWS: Readonly<Record<Cause, ReadonlySet<ViolationKind>>> = {
  apart: new Set(['lost', 'duplicate', 'inconsistent', 'hole', 'non-monotonic', 'order', 'break']),
  forgotten: new Set(['lost', 'duplicate', 'break']),
  went_back: new Set(['lost', 'duplicate', 'inconsistent', 'non-monotonic', 'order', 'break']),
  outgrown: new Set(['lost', 'break']),
}

/** Tells what is wrong from what follows from a break that the clients were told of. */
export function judge({ history, violations, complaints, refusals, unfinished }: Played): Verdict {
  const stories = tellStories(history)
  // An anonymous user who comes back as another sends as another.
  const isOther = refusals.includes('other_user')
  const isExplained = (violation: Violation) => {
    const { causes, lastEpoch, oldest } = stories.get(violation.room) ?? NOTHING
    if (isOther && (violation.kind === 'invented' || violation.kind === 'duplicate')) return true
    return [...causes].some((cause) => {
      if (!FOLLOWS[cause].has(violation.kind)) return false
      if (violation.kind !== 'lost') return true
      if (cause === 'forgotten') return violation.lost?.epoch !== lastEpoch
      return cause !== 'outgrown' || (violation.lost?.offset ?? 0) < oldest
    })
  }
  const rest = violations.filter((violation) => !isExplained(violation))
  const count = (...kinds: readonly ViolationKind[]) => rest.filter(({ kind }) => kinds.includes(kind)).length
  const lost = messagesIn(rest)
  return {
    lost,
    forgotten: messagesIn(violations) - lost,
    duplicated: count('duplicate', 'non-monotonic'),
    reordered: count('order', 'inconsistent'),
    holes: count('hole'),
    altered: count('invented'),
    breaks: history.filter(isBreak).length,
    causes: new Set([...stories.values()].flatMap(({ causes }) => [...causes])),
    ...{ unfinished: new Set(unfinished), refusals: new Set(refusals) },
    durabilities: new Set(history.flatMap((event) => (event.kind === 'acked' && event.durability) || [])),
    examples: [...rest.map(({ kind, what }) => `${kind}: ${what}`), ...complaints].slice(0, EXAMPLES),
  }
}

export function together(one: Verdict, other: Verdict): Verdict {
  return {
    lost: one.lost + other.lost,
    forgotten: one.forgotten + other.forgotten,
    duplicated: one.duplicated + other.duplicated,
    reordered: one.reordered + other.reordered,
    holes: one.holes + other.holes,
    altered: one.altered + other.altered,
    breaks: one.breaks + other.breaks,
    causes: new Set([...one.causes, ...other.causes]),
    unfinished: new Set([...one.unfinished, ...other.unfinished]),
    refusals: new Set([...one.refusals, ...other.refusals]),
    durabilities: new Set([...one.durabilities, ...other.durabilities]),
    examples: [...one.examples, ...other.examples].slice(0, EXAMPLES),
  }
}

function messagesIn(violations: readonly Violation[]): number {
  return new Set(violations.flatMap(({ room, lost }) => (lost ? `${room} ${lost.clientId}` : []))).size
}

function isBreak(event: Event): boolean {
  return event.kind === 'resync' || (event.kind === 'joined' && event.recovered === false)
}

/** What happened to the log of one room. */
interface Story {
  readonly causes: Set<Cause>
  readonly epochs: Set<string>
  lastEpoch: string
  /** The lowest offset that is kept. */
  oldest: number
}

const NOTHING: Story = { causes: new Set(), epochs: new Set(), lastEpoch: '', oldest: 0 }

function tellStories(history: History): ReadonlyMap<string, Story> {
  const stories = new Map<string, Story>()
  for (const event of history) {
    const story = stories.get(event.room) ?? {
      causes: new Set(),
      epochs: new Set(),
      lastEpoch: '',
      oldest: 0,
    }
    stories.set(event.room, story)
    for (const { epoch } of placesOf(event)) turnTo(story, epoch)
    const reason = isBreak(event) && 'reason' in event ? event.reason : undefined
    if (reason === 'forked') story.causes.add('went_back')
    if (reason === 'expired') story.causes.add('outgrown')
    if (event.kind === 'page' && event.after !== undefined && event.epoch === story.lastEpoch)
      story.oldest = event.oldest ?? 0
    if (story.oldest > 1) story.causes.add('outgrown')
  }
  for (const { causes } of stories.values()) if (causes.has('apart')) causes.delete('forgotten')
  return stories
}

/** A log that comes back after another one never went away: somebody else has it. */
function turnTo(story: Story, epoch: string): void {
  if (epoch === story.lastEpoch) return
  if (story.lastEpoch !== '') story.causes.add(story.epochs.has(epoch) ? 'apart' : 'forgotten')
  story.epochs.add(epoch)
  story.lastEpoch = epoch
}

function placesOf(event: Event): readonly Pick<Place, 'epoch'>[] {
  if (event.kind === 'acked') return [event.at]
  if (event.kind === 'joined' || event.kind === 'resync') return [event.cursor]
  return event.kind === 'page' ? [event] : entriesOf(event)
}
