import { Fold } from './fold.js'
import { type Count, countsOf, hasReacted, type Reacting, words } from './reacted.js'
import { Shown } from './shown.js'
import { apply, type Read } from './wire-fold.js'

/** An entry of a log, as the server logged it or as an application saw it. */
export interface Seen {
  readonly epoch: string
  readonly offset: number
  readonly id: string
  readonly clientId: string | undefined
  /** Empty for a deletion, and for what is deleted. */
  readonly text: string
  /** For an edit, a deletion or a reaction, the id of the message that it changes. */
  readonly target?: string | undefined
  /** For a message that was changed, the offset of the last change in it. */
  readonly version?: number | undefined
  /** For an entry that is only a reaction. */
  readonly reaction?: Reacting | undefined
  /** How many reacted to a message. */
  readonly reactions?: readonly Count[] | undefined
}

/** What an application received, in order. */
type Observation =
  | {
      readonly kind: 'entry'
      readonly entry: Seen
      /** Amendments before it and after it may be left out, and told later: the messages may be as they are after them. */
      readonly isFolded: boolean
    }
  /** A page of the past. */
  | { readonly kind: 'page'; readonly entries: readonly Seen[] }
  /** Where a join stands: the next entry is the one after it. */
  | { readonly kind: 'cursor'; readonly at: Pick<Seen, 'epoch' | 'offset'> }
  /** A message of its own was acknowledged. */
  | { readonly kind: 'acked'; readonly clientId: string; readonly at: Place }
  /** Continuity was broken, and the application knows. */
  | { readonly kind: 'break'; readonly reason: string | undefined; readonly time: number }

export interface Handed {
  readonly sender: string
  readonly room: string
  /** Empty for a deletion, and for a message that was taken back. */
  readonly text: string
  /** For an amendment: the id of the message that it changes, or the client id of one without a position. */
  readonly amends?: string | undefined
  readonly reaction?: Reacting | undefined
  /** Whether its sender may change that message. */
  readonly isAllowed?: boolean
}

/** What a log had accepted, and has no longer. */
interface Lost {
  readonly entry: Seen
  readonly room: string
  readonly time: number
}

export type Place = Pick<Seen, 'epoch' | 'offset' | 'id'>

/** What became of a message that was passed to `send`, as far as its sender knows. */
type Fate =
  | { readonly kind: 'open' }
  | { readonly kind: 'acked'; readonly at: Place; readonly durability: string | undefined }
  | { readonly kind: 'refused'; readonly code: string }
  /** Its page died; `stored` if it left the message in its storage. */
  | { readonly kind: 'orphaned'; readonly stored: boolean }

/** What was handed over, when, and what became of it. */
interface Message extends Handed {
  readonly time: number
  fate: Fate
}

export interface OracleOptions {
  /** Entries that a log keeps: whoever lags by no more must recover. */
  readonly historyCount: number
  /** Why a message may be refused in this world; by any other reason it was refused for nothing. */
  readonly refusals: ReadonlySet<string>
}

/**
 * Checks the guarantee from outside. It knows what the logs accepted, what was sent, which answers senders received and
 * what applications saw, and nothing of how the product works.
 */
export class Oracle {
  readonly violations: string[] = []
  ackCount = 0
  entriesSeen = 0
  breaks = 0
  /** Logs that a restart of the server in memory may have ended. */
  restarts = 0
  /** Entries that a store lost which had accepted them, and those of them which were acknowledged. */
  lostCount = 0
  acknowledgedAndLost = 0
  /** Orders losses, reports of losses, and what was sent. */
  #time = 0
  /** What no log has now, by id. An old backup may bring back what was lost after it was made. */
  readonly #lost = new Map<string, Lost>()
  /** Each loss, also of what came back. */
  readonly #losses: Lost[] = []
  /** By id, when what its log may have dropped was among its newest entries again, because a store lost those after it. */
  readonly #backAt = new Map<string, number>()
  readonly #previousIds = new Map<string, string>()
  readonly #shownAsLost = new Set<string>()
  readonly #dead = new Set<string>()
  /** By place, the ids of the amendments that a log has had there. */
  readonly #amendments = new Map<string, string[]>()
  readonly #logs = new Map<string, Seen[]>()
  readonly #presentEpochs = new Map<string, string>()
  readonly #views = new Map<string, Observation[]>()
  readonly #published: { readonly room: string; readonly text: string; readonly at: Place }[] = []
  readonly #keyed = new Set<string>()
  readonly #messages = new Map<string, Message>()
  /** By client id, the id in the log. */
  readonly #ids = new Map<string, string>()
  readonly #clientIds = new Map<string, string>()
  readonly #base = new Set<string>()
  readonly #kept = new Set<string>()
  readonly fold = new Fold()
  readonly shown = new Shown(this.fold, (violation) => this.fail(violation))
  /** Edits, deletions and reactions that were acknowledged. */
  amendedCount = 0

  constructor(private readonly options: OracleOptions) {}

  fail(violation: string): void {
    this.violations.push(violation)
  }

  /** A log has accepted an entry. */
  logged(room: string, entry: Seen, previousId?: string): void {
    if (previousId !== undefined) this.#previousIds.set(entry.id, previousId)
    const log = getOrAdd(this.#logs, `${room} ${entry.epoch}`)
    if (entry.offset !== log.length + 1)
      this.fail(`hole: ${room} ${entry.epoch} gave the offset ${entry.offset} after ${log.length}`)
    log[entry.offset - 1] = entry
    this.#lost.delete(entry.id)
    if (entry.target !== undefined) getOrAdd(this.#amendments, placeOf(room, entry)).push(entry.id)
    if (entry.clientId !== undefined) {
      this.#ids.set(entry.clientId, entry.id)
      this.#clientIds.set(entry.id, entry.clientId)
    }
    const fault = this.fold.logged(entry)
    if (fault !== undefined) this.fail(`${room} ${entry.epoch} has ${fault}`)
    this.#presentEpochs.set(room, entry.epoch)
  }

  /** The newest entry of a log is gone with the store that had it, and its offset may be given again. */
  vanished(room: string, entry: Seen): void {
    this.lostCount++
    const lost = { entry, room, time: ++this.#time }
    this.#lost.set(entry.id, lost)
    this.#losses.push(lost)
    this.fold.vanished(entry)
    const log = this.#logs.get(`${room} ${entry.epoch}`)
    if (log?.at(-1)?.id === entry.id) log.pop()
    else this.fail(`the model lost ${at(entry)} of ${room}, which was not the last`)
    const back = log?.[log.length - this.options.historyCount]
    if (back) this.#backAt.set(back.id, lost.time)
  }

  handed(clientId: string, message: Handed): void {
    this.#messages.set(clientId, { ...message, time: ++this.#time, fate: { kind: 'open' } })
  }

  /** What waits in an outbox is sent with another text, or not at all. Returns false if it is unknown. */
  rewritten(clientId: string, text: string): boolean {
    const message = this.#messages.get(clientId)
    if (message) this.#messages.set(clientId, { ...message, text })
    return message !== undefined
  }

  acked(clientId: string, at: Place, viewer?: string, durability?: string): void {
    this.ackCount++
    const { room, amends } = this.#messages.get(clientId) ?? {}
    if (amends !== undefined) this.amendedCount++
    if (viewer !== undefined) getOrAdd(this.#views, `${viewer} ${room}`).push({ kind: 'acked', clientId, at })
    this.#setFate(clientId, { kind: 'acked', at, durability })
  }

  refused(clientId: string, code: string): void {
    this.#setFate(clientId, { kind: 'refused', code })
  }

  /** Nobody looks at what this one shows any more. */
  died(viewer: string): void {
    this.#dead.add(viewer)
  }

  /** A sender's page died with these messages in its storage. Nobody can learn the outcome of its other messages. */
  orphaned(sender: string, stored: ReadonlySet<string>): void {
    for (const [clientId, message] of this.#messages) {
      if (message.sender === sender && message.fate.kind === 'open')
        message.fate = { kind: 'orphaned', stored: stored.has(clientId) }
    }
  }

  /** The server's own message is repeated under one key until it is accepted. */
  keyed(text: string): void {
    this.#keyed.add(text)
  }

  /** The server's own message is in the log. */
  published(room: string, text: string, at: Place): void {
    this.ackCount++
    this.#published.push({ room, text, at })
  }

  /** @param isFolded whether amendments before it and after it may be left out */
  saw(viewer: string, room: string, entry: Seen, isFolded = false): void {
    this.entriesSeen++
    getOrAdd(this.#views, `${viewer} ${room}`).push({ kind: 'entry', entry, isFolded })
  }

  /** A viewer that knows only the base messages is told nothing of amendments. */
  isBase(viewer: string): void {
    this.#base.add(viewer)
  }

  stands(viewer: string, room: string, at: Pick<Seen, 'epoch' | 'offset'>): void {
    getOrAdd(this.#views, `${viewer} ${room}`).push({ kind: 'cursor', at })
  }

  /** The application received a report of a break; entries must really be missing. */
  broke(viewer: string, room: string, reason: string): void {
    this.breaks++
    const isForeign = reason !== 'expired' && reason !== 'gap' && reason !== 'forked'
    if (reason === 'epoch_changed' ? this.restarts === 0 : isForeign)
      this.fail(`false alarm: ${viewer} got '${reason}' in ${room}`)
    if (reason === 'forked' && !this.#hasLostSinceTold(viewer, room))
      this.fail(`false alarm: ${viewer} got 'forked' in ${room}`)
    const lag = this.#lag(viewer, room)
    const isExpiry = reason === 'expired' || reason === 'gap'
    if (isExpiry && lag !== undefined && lag <= this.options.historyCount)
      this.fail(`false alarm: ${viewer} got '${reason}' in ${room}, ${lag} behind`)
    this.#break(viewer, room, reason)
  }

  #break(viewer: string, room: string, reason: string | undefined): void {
    const time = ++this.#time
    if (reason === 'forked') this.shown.forked(`${viewer} ${room}`)
    getOrAdd(this.#views, `${viewer} ${room}`).push({ kind: 'break', reason, time })
  }

  /**
   * A node tells all who are in the room, also those who had not come to what is lost. On a slow connection, the break
   * before, which left the node earlier, may be told after the loss that this one is about.
   */
  #hasLostSinceTold(viewer: string, room: string): boolean {
    const view = this.#views.get(`${viewer} ${room}`) ?? []
    const last = view.findLastIndex(({ kind }) => kind === 'break')
    const told = view[last]
    const toldAt = told?.kind === 'break' ? told.time : 0
    const sawLost = view.slice(last + 1).some((one) => one.kind === 'entry' && this.hasLost(one.entry.id))
    const timesTold = view.filter((one) => one.kind === 'break' && one.reason === 'forked').length
    const losses = this.#losses.filter((lost) => lost.room === room)
    return sawLost || timesTold < timesLost(losses) || losses.some(({ time }) => time > toldAt)
  }

  /** How far a viewer is behind the present log; `undefined` if it has seen nothing of that. */
  #lag(viewer: string, room: string): number | undefined {
    const last = this.lastSeen(viewer, room)
    const present = this.#presentEpochs.get(room)
    if (!last || last.epoch !== present || this.#lost.has(last.id)) return undefined
    return (this.#logs.get(`${room} ${present}`)?.length ?? 0) - last.offset
  }

  /** Whether an entry that stood there was lost: its message may stand somewhere else now. */
  hasLostAt(room: string, epoch: string, offset: number): boolean {
    return this.#losses.some(
      (lost) => lost.room === room && lost.entry.epoch === epoch && lost.entry.offset === offset,
    )
  }

  isAmendmentAt(room: string, epoch: string, offset: number): boolean {
    return this.#logs.get(`${room} ${epoch}`)?.[offset - 1]?.target !== undefined
  }

  isLost(id: string): boolean {
    return this.#lost.has(id)
  }

  /** Whether an entry was ever lost, even if it has come back. */
  hasLost(id: string): boolean {
    return this.#losses.some(({ entry }) => entry.id === id)
  }

  /** The application learned of a hole at this place, but not by an event. What came last may be lost: then the log has forked. */
  told(viewer: string, room: string, last?: { readonly id?: string | undefined }): void {
    this.#break(viewer, room, this.hasLost(last?.id ?? '') ? 'forked' : undefined)
  }

  /** A page of history: true messages, ascending, without a hole, all as they were at one moment. */
  paged(viewer: string, room: string, entries: readonly Seen[], since: Seen | undefined): void {
    const who = `${viewer}'s page of ${room}`
    const isSameLog = since?.epoch === entries[0]?.epoch && !this.#lost.has(since?.id ?? '')
    for (const [index, entry] of entries.entries()) {
      this.checkReal(who, room, entry)
      const before = entries[index - 1]
      if (before && !this.#adjoins(room, before, entry))
        this.fail(`hole: ${who} has ${entry.offset} after ${before.offset}`)
    }
    if (!this.fold.wereTogether(entries, since && isSameLog ? since.offset : 0))
      this.fail(`${who} shows no moment of the log since ${since?.offset}`)
    getOrAdd(this.#views, `${viewer} ${room}`).push({ kind: 'page', entries })
  }

  /** Whether nothing but amendments is between two entries of a log. */
  #adjoins(room: string, { epoch, offset }: Pick<Seen, 'epoch' | 'offset'>, later: Seen): boolean {
    for (let between = offset + 1; between < later.offset; between++)
      if (!this.#amendments.has(placeOf(room, { epoch, offset: between }))) return false
    return epoch === later.epoch && offset < later.offset
  }

  lastSeen(viewer: string, room: string): Seen | undefined {
    const view = this.#views.get(`${viewer} ${room}`) ?? []
    const last = view.findLast((observation) => observation.kind === 'entry')
    return last?.kind === 'entry' ? last.entry : undefined
  }

  /** Whether a viewer has been shown an entry since its last break: of an own one, it may know nothing but the place. */
  hasRead(viewer: string, room: string, id: string): boolean {
    const view = this.#views.get(`${viewer} ${room}`) ?? []
    return view.slice(view.findLastIndex(({ kind }) => kind === 'break') + 1).some((one) => {
      if (one.kind === 'page') return one.entries.some((entry) => entry.id === id)
      return one.kind === 'entry' && one.entry.id === id
    })
  }

  /** What a dead page left behind and its successor shows as failed: its sender has been told. */
  shownAsFailed(clientId: string): void {
    const message = this.#messages.get(clientId)
    if (message?.fate.kind === 'orphaned') message.fate = { kind: 'refused', code: 'outcome_unknown' }
  }

  /** A message of its own that its sender can see to be in the log no longer. */
  shownAsLost(clientId: string): void {
    this.#shownAsLost.add(clientId)
  }

  /** What a store still gives to readers at the end. */
  kept(room: string, entries: readonly Seen[]): void {
    for (const { id } of entries) this.#kept.add(id)
    this.compare(room, entries)
  }

  /** What a store has of a log: each message is what the edits and deletions after it say, and no edit of one that is deleted has a text. */
  compare(room: string, entries: readonly Seen[]): void {
    for (const { id, text, target, version, offset, reaction, reactions } of entries) {
      const real = this.#logs.get(`${room} ${this.#presentEpochs.get(room)}`)?.[offset - 1]
      const state = this.fold.statesOf(id).at(-1)
      const isDeleted = target !== undefined && !reaction && this.fold.textOf(target) === ''
      const truth = target === undefined ? state?.text : isDeleted ? '' : real?.text
      const isTrue = real?.id === id && text === truth
      if (!isTrue) this.fail(`the log of ${room} has '${text}' at ${offset}, which says '${truth}'`)
      const counts = words(countsOf(this.fold.reactionsTo(id)))
      if (words(reactions) !== counts)
        this.fail(
          `the log of ${room} has the reactions '${words(reactions)}' at ${offset}, which are '${counts}'`,
        )
      if (state !== undefined && (version ?? offset) !== state.offset)
        this.fail(`the log of ${room} has version ${version} at ${offset}, where ${state.offset} is the last`)
    }
  }

  keeps(id: string): boolean {
    return this.#kept.has(id)
  }

  check(): void {
    const places = this.#checkLogs()
    for (const [clientId, message] of this.#messages) this.#checkFate(message, places.get(clientId) ?? [])
    for (const { room, text, at } of this.#published)
      this.checkReal('the server', room, { ...at, text, clientId: undefined })
    for (const [key, view] of this.#views) {
      this.#checkView(key, view)
      this.#checkStates(key, view)
      this.#checkForks(key, view)
    }
  }

  #setFate(clientId: string, fate: Fate): void {
    const message = this.#messages.get(clientId)
    if (message?.fate.kind === 'open') message.fate = fate
    else this.fail(`settled twice: ${clientId} '${message?.text}'`)
  }

  /** No message stands twice in a log, and each sender's stand in the order of sending. Returns where each one stands. */
  #checkLogs(): ReadonlyMap<string, readonly Seen[]> {
    const places = new Map<string, Seen[]>()
    for (const [key, log] of this.#logs) {
      const known = new Map<string, number>()
      const sequences = new Map<string, number>()
      for (const entry of log) {
        const { clientId, text, offset, target, reaction } = entry
        const before = known.get(clientId ?? text)
        // A reaction's state is its record: a repeat that comes late does again what it says.
        if (before !== undefined && !reaction && !this.#isForgotten(text, before, offset))
          this.fail(`duplicated: '${text}' is at ${before} and at ${offset} of ${key}`)
        known.set(clientId ?? text, offset)
        if (clientId !== undefined) getOrAdd(places, clientId).push(entry)
        const isOrdered = target === undefined && before === undefined && !this.#isDoubtful(clientId)
        if (isOrdered) this.#checkOrder(key, text, sequences)
      }
    }
    return places
  }

  /** A key is remembered for as long as the log keeps its message. */
  #isForgotten(text: string, before: number, offset: number): boolean {
    return this.#keyed.has(text) && offset - before > this.options.historyCount
  }

  #checkOrder(key: string, text: string, sequences: Map<string, number>): void {
    const { sender, sequence } = parse(text)
    const last = sequences.get(sender) ?? -1
    if (sequence <= last) this.fail(`reordered: '${text}' comes after ${sender}'s ${last} in ${key}`)
    sequences.set(sender, sequence)
  }

  /** A frame that was reported as `outcome_unknown` may arrive late, after frames that were sent later. */
  #isDoubtful(clientId: string | undefined): boolean {
    const fate = clientId === undefined ? undefined : this.#messages.get(clientId)?.fate
    return (
      (fate?.kind === 'refused' && fate.code === 'outcome_unknown') ||
      (fate?.kind === 'orphaned' && !fate.stored)
    )
  }

  #checkFate(message: Message, places: readonly Seen[]): void {
    const { sender, room, text, amends, fate } = message
    const isThere = places.length > 0
    if (fate.kind === 'open')
      this.fail(`no outcome: ${sender} never learned what became of '${text}' in ${room}`)
    // Of an amendment that a dead page left, its successor may show nothing: its message may not be there.
    const isMissing = !isThere && !this.#wasLost(text) && text !== '' && amends === undefined
    if (fate.kind === 'orphaned' && fate.stored && isMissing)
      this.fail(`lost: '${text}' was stored when ${sender}'s page died, and is in no log`)
    if (fate.kind === 'refused' && !this.#mayRefuse(message, fate.code))
      this.fail(`needless refusal: ${sender} got '${fate.code}' for '${text}'`)
    // A reaction has no record of its own, so its repeat may find its message deleted.
    const isFinal = fate.kind === 'refused' && fate.code !== 'outcome_unknown' && !message.reaction
    if (isFinal && isThere)
      this.fail(`false refusal: ${sender} got '${fate.code}' for '${text}', which is in the log`)
    if (fate.kind !== 'acked') return
    const { epoch, offset, id } = fate.at
    // Whether its sender learns of the loss is checked where the sender's view is compared with the log.
    if (this.#lost.has(id)) this.acknowledgedAndLost++
    if (this.#lost.has(id) && fate.durability !== 'replicated') return
    if (places.some((entry) => entry.epoch === epoch && entry.offset === offset && entry.id === id)) return
    if (amends !== undefined && this.#hasMade(message, fate.at)) return
    this.fail(`lost: '${text}' was acknowledged at ${offset} of ${epoch}, and is not there`)
  }

  /** Whether an entry made its message what an amendment asked for: that one changed nothing, and is in no log. */
  #hasMade({ room, text, amends = '', reaction }: Handed, { epoch, offset, id }: Place): boolean {
    // What was sent again after a crash has an id in the old log and one in the new.
    const targets = [amends, this.#ids.get(this.#clientIds.get(amends) ?? amends) ?? amends]
    const isThere = this.#logs.get(`${room} ${epoch}`)?.[offset - 1]?.id === id
    const all = targets.flatMap((target) => [...this.fold.statesOf(target), ...this.fold.lostOf(target)])
    const made = all.find((state) => state.id === id)
    if (!isThere || !made) return false
    // What made it so may be gone from the log.
    if (reaction) return targets.includes(id) || hasReacted(made.reactions, reaction) === reaction.isOn
    return made.text === text
  }

  /** The id of a message, of its id or its client id. */
  #idOf(name: string): string {
    // One that was lost may have been logged again, under another id.
    const clientId = this.#lost.get(name)?.entry.clientId ?? name
    return this.#ids.get(clientId) ?? name
  }

  #mayRefuse({ sender, room, text, amends, isAllowed, reaction, time }: Message, code: string): boolean {
    if (this.options.refusals.has(code)) return true
    // The opposite takes the place of a reaction that had not left yet.
    if (code === 'cancelled' && (reaction || text === '')) return true
    if (amends === undefined) return false
    const id = this.#idOf(amends)
    if (code === 'deleted' && this.#hasDeleted(sender, id)) return true
    const reasons: Readonly<Record<string, boolean>> = {
      deleted: this.fold.wasDeleted(id),
      not_found: this.hasLost(amends) || this.#mayBeGone(room, id, time),
      forbidden: isAllowed === false,
      cancelled: this.#isGivenUp(amends),
    }
    // Refused on a later connection than the first, nothing is known of the first.
    return code === 'outcome_unknown' ? Object.values(reasons).some(Boolean) : (reasons[code] ?? false)
  }

  /** Whether a message is not sent any more, with all that was to become of it. Another page of its sender's may have taken it back. */
  #isGivenUp(name: string): boolean {
    const message = this.#messages.get(this.#lost.get(name)?.entry.clientId ?? name)
    return message?.fate.kind === 'refused' || message?.text === ''
  }

  /** Whether somebody has asked for a deletion, which may not have been sent yet. */
  #hasDeleted(sender: string, id: string): boolean {
    return [...this.#messages.values()].some(
      ({ sender: by, text, amends }) =>
        by === sender && text === '' && amends !== undefined && this.#idOf(amends) === id,
    )
  }

  /** Whether the log may have lacked an entry at some time since then. */
  #mayBeGone(room: string, id: string, since: number): boolean {
    const log = this.#logs.get(`${room} ${this.#presentEpochs.get(room)}`) ?? []
    const index = log.findIndex((entry) => entry.id === id)
    const isOld = index < 0 || log.length - index > this.options.historyCount
    return isOld || this.hasLost(id) || (this.#backAt.get(id) ?? 0) > since
  }

  /** Every application sees each offset once, in order, and learns of each hole. */
  #checkView(key: string, view: readonly Observation[]): void {
    const [viewer = '', room = ''] = key.split(' ')
    const isBase = this.#base.has(viewer)
    let last: (Pick<Seen, 'epoch' | 'offset'> & { readonly id?: string }) | undefined
    let told = true
    let mayLack = isBase
    const shown = new Set<string>()
    /** The ids of amendments that may still be told. */
    const late = new Set<string>()
    for (const observation of view) {
      if (observation.kind === 'break') {
        told = true
        // The log goes on from an earlier place, and a page of its newest entries shows known ones again.
        if (observation.reason === 'forked') {
          last = undefined
          shown.clear()
          late.clear()
        }
      } else if (observation.kind === 'cursor') {
        last = observation.at
        told = false
      } else if (observation.kind === 'entry') {
        const { entry, isFolded } = observation
        this.checkReal(key, room, entry)
        if (shown.has(entry.id)) this.fail(`duplicated: ${key} saw ${at(entry)} twice`)
        shown.add(entry.id)
        // What a join brought is its result, except for amendments, which are told behind it.
        const isLate = isFolded && (late.delete(entry.id) || (told && entry.target !== undefined))
        if (isLate) continue
        // A join may have stood anywhere in a log of which nothing was seen.
        const from = last?.epoch === entry.epoch ? last.offset : 0
        if (isFolded) for (const id of this.#between(room, from, entry)) late.add(id)
        if (last) this.#checkStep(key, last, entry, { told, mayLack: mayLack || isFolded })
        last = entry
        told = false
        mayLack = isFolded || isBase
      }
    }
  }

  /** The ids of the amendments between an offset of a log and an entry. */
  #between(room: string, from: number, { epoch, offset: to }: Seen): readonly string[] {
    const ids: string[] = []
    for (let offset = from + 1; offset < to; offset++)
      ids.push(...(this.#amendments.get(placeOf(room, { epoch, offset })) ?? []))
    return ids
  }

  /** By the rule of the wire, what each application makes of all that it saw since its last break is what the log says. */
  #checkStates(key: string, view: readonly Observation[]): void {
    const [viewer = '', room = ''] = key.split(' ')
    if (this.#dead.has(viewer) || this.#base.has(viewer)) return
    const states = new Map<string, Read>()
    for (const observation of view) {
      if (observation.kind === 'break') states.clear()
      if (observation.kind === 'entry') apply(states, observation.entry)
      // Of a page, it takes over what it shows already: of the rest, it may have ignored an amendment meanwhile.
      if (observation.kind === 'page')
        for (const entry of observation.entries) if (states.has(entry.id)) apply(states, entry)
    }
    const log = this.#logs.get(`${room} ${this.#presentEpochs.get(room)}`) ?? []
    for (const { id } of log) {
      const [text, true_] = [states.get(id)?.text, this.fold.textOf(id)]
      if (text !== undefined && text !== true_)
        this.fail(`stale: ${key} has '${text}', which says '${true_}'`)
      const counts = [words(states.get(id)?.reactions), words(countsOf(this.fold.reactionsTo(id)))]
      if (states.has(id) && counts[0] !== counts[1])
        this.fail(`stale: ${key} has the reactions '${counts[0]}' to '${text}', which are '${counts[1]}'`)
    }
  }

  /** Everyone who saw or sent an entry that is gone received a report after it went. */
  #checkForks(key: string, view: readonly Observation[]): void {
    if (this.#dead.has(key.split(' ')[0] ?? '')) return
    const lastBreak = view.findLast(({ kind }) => kind === 'break')
    const toldAt = lastBreak?.kind === 'break' ? lastBreak.time : 0
    for (const observation of view) {
      const id = observation.kind === 'entry' ? observation.entry.id : ''
      const lost = this.#lost.get(observation.kind === 'acked' ? observation.at.id : id)
      if (!lost || lost.time < toldAt) continue
      if (observation.kind === 'acked' && this.#isKnownAsLost(observation.clientId)) continue
      const what = observation.kind === 'acked' ? 'was acknowledged' : 'saw'
      this.fail(`silent fork: ${key} ${what} '${lost.entry.text}' at ${at(lost.entry)}, which is gone`)
    }
  }

  /** A message is shown as lost; of an amendment, its message shows nothing, which is checked where that is shown. */
  #isKnownAsLost(clientId: string): boolean {
    return this.#shownAsLost.has(clientId) || this.#messages.get(clientId)?.amends !== undefined
  }

  #wasLost(text: string): boolean {
    return [...this.#lost.values()].some(({ entry }) => entry.text === text)
  }

  #checkStep(
    key: string,
    last: Pick<Seen, 'epoch' | 'offset'> & { readonly id?: string },
    entry: Seen,
    { told, mayLack }: { readonly told: boolean; readonly mayLack: boolean },
  ): void {
    const sameLog = last.epoch === entry.epoch
    const isNext = sameLog && entry.offset === last.offset + 1
    const isFolded = mayLack && this.#adjoins(key.split(' ')[1] ?? '', last, entry)
    if (sameLog && entry.offset <= last.offset)
      this.fail(`duplicated or reordered: ${key} saw ${entry.offset} after ${last.offset}`)
    else if (!told && !isNext && !isFolded)
      this.fail(`silent hole: ${key} saw ${at(entry)} after ${at(last)}`)
    const previousId = this.#previousIds.get(entry.id)
    const isKnown = last.id !== undefined && previousId !== undefined
    const isMixed = !told && (isNext || !isFolded) && isKnown && previousId !== last.id
    if (isMixed) this.fail(`silent fork: ${key} saw ${at(entry)} after an entry that it does not follow`)
  }

  /** Somebody was shown an entry: it is there, and has had that text. */
  checkReal(who: string, room: string, entry: Seen): void {
    const real =
      this.#lost.get(entry.id)?.entry ?? this.#logs.get(`${room} ${entry.epoch}`)?.[entry.offset - 1]
    if (real?.id !== entry.id || real.target !== entry.target || !this.#hasSaid(real, entry.text))
      this.fail(`invented: ${who} saw '${entry.text}' at ${at(entry)}, where the log has '${real?.text}'`)
  }

  /** Whether an entry has had this text: a message one after the other, an edit until its message is deleted. */
  #hasSaid({ id, text, target, reaction }: Seen, seen: string): boolean {
    if (target === undefined) return this.fold.hasSaid(id, seen)
    return text === seen || (seen === '' && !reaction && this.fold.wasDeleted(target))
  }
}

export function textOf(sender: string, sequence: number, suffix = ''): string {
  return `${sender}:${sequence}${suffix}`
}

/** A failover takes the newest entries, one after the other from the end. */
function timesLost(losses: readonly Lost[]): number {
  return losses.filter(({ entry }, index) => {
    const before = losses[index - 1]?.entry
    return before?.epoch !== entry.epoch || before.offset !== entry.offset + 1
  }).length
}

function parse(text: string): { sender: string; sequence: number } {
  const [sender = '', sequence = ''] = text.split(':')
  return { sender, sequence: Number(sequence) }
}

function placeOf(room: string, { epoch, offset }: Pick<Seen, 'epoch' | 'offset'>): string {
  return `${room} ${epoch} ${offset}`
}

function at({ epoch, offset }: Pick<Seen, 'epoch' | 'offset'>): string {
  return `${offset} of ${epoch}`
}

function getOrAdd<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key)
  if (known) return known
  const added: T[] = []
  map.set(key, added)
  return added
}
