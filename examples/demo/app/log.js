import { Actions } from './actions.js'
import { dayOf, nameOfDay, today } from './day.js'
import { $, clone, make, setText } from './dom.js'
import { toneOf } from './people.js'
import { drawQuote, flash } from './quote.js'
import { drawReactions } from './reactions.js'
import { Roving } from './roving.js'
import { describePending, fillRow } from './row.js'
import { Scroll } from './scroll.js'
import { Seen } from './seen.js'

/** Entries that a join and each look further back ask for. */
export const HISTORY = 30

const BREAKS = {
  epoch_changed: 'The server started anew with an empty log. What is above is on this screen only.',
  forked: 'The server lost a part of its log. What is below may not continue what is above.',
  expired: 'Away for too long: what was said in between is no longer kept.',
  not_recoverable: 'What was said in between was missed.',
}

/** A room's messages on the screen. Rows are kept by key, so that nothing blinks when a message gets its place. */
export class Log {
  #panel
  #box
  #list
  #older
  #actions
  #roving
  #scroll
  #seen = new Seen()
  /** What is shown, by key: `{ row, entry, before, after }`, the last two being the entries around it. */
  #shown = new Map()
  /** The same by the id of the message, for answers to it. */
  #byId = new Map()
  #drawn
  #isLoading = false

  constructor(panel) {
    this.#panel = panel
    this.#box = $('.log', panel.element)
    this.#list = $('ol', this.#box)
    this.#older = $('.older', this.#box)
    this.#actions = new Actions(panel)
    this.#roving = new Roving(this.#list)
    this.#scroll = new Scroll(panel.element, () => this.#loadOlder())
    this.#older.onclick = () => this.#loadOlder()
  }

  draw() {
    const { entries, isLive, people, readers } = this.#panel
    const seen = readers.map((reader) => `${reader.name} ${reader.mark.offset}`)
    const words = `${today()} ${people}`
    const state = `${isLive} ${this.#hasOlder} ${words} ${seen}`
    if (entries === this.#drawn?.entries && state === this.#drawn.state) return
    const areWordsNew = words !== this.#drawn?.words
    this.#drawn = { entries, state, words }
    this.#scroll.steadily(() => {
      const grown = this.#roving.settle(() => this.#arrange(entries, areWordsNew))
      this.#seen.draw(
        entries.filter((entry) => this.#isOwn(entry)).map(({ key }) => this.#shown.get(key)),
        readers,
      )
      $('.empty', this.#box).hidden = entries.length > 0 || !isLive
      this.#older.hidden = !this.#hasOlder
      return grown
    })
  }

  #arrange(entries, areWordsNew) {
    const grown = { below: 0, hasOwn: false }
    this.#removeOthers(entries)
    const wasEmpty = this.#shown.size === 0
    this.#byId.clear()
    let place = this.#list.firstElementChild
    let waiting = 0
    for (const [index, entry] of entries.entries()) {
      const known = this.#shown.get(entry.key)
      const row = known?.row ?? (entry.kind === 'break' ? makeBreak(entry) : clone('message'))
      const now = { row, entry, before: entries[index - 1], after: entries[index + 1] }
      if (entry.kind === 'message') {
        if (entry.state === 'pending') waiting++
        // Thousands of rows stay as they are when one comes.
        if (areWordsNew || !isAlike(known, now) || isPending(entry)) this.#drawRow(known, now, waiting)
        this.#byId.set(entry.message.id, now)
        this.#quote(now)
      }
      this.#shown.set(entry.key, now)
      if (!known && !wasEmpty && !place) {
        if (this.#isOwn(entry)) grown.hasOwn = true
        else grown.below++
      }
      if (row === place) place = place.nextElementSibling
      else this.#list.insertBefore(row, place)
    }
    return grown
  }

  #removeOthers(entries) {
    const keys = new Set(entries.map(({ key }) => key))
    for (const [key, { row }] of this.#shown) if (!keys.has(key)) this.#shown.delete(key) && row.remove()
  }

  #drawRow(known, { row, entry, before, after }, waiting) {
    if (known?.entry !== entry) this.#fill(row, entry)
    this.#style(row, entry, before, after)
    if (isPending(entry)) setText($('.meta', row), describePending(entry, this.#panel.isLive, waiting))
  }

  #fill(row, entry) {
    fillRow(row, entry)
    const actions = $('.actions', row)
    actions.hidden = !canAct(entry)
    describeBy(actions, $('.bubble', row))
    this.#actions.serve(actions, entry)
    drawReactions(row, entry, (reaction) => this.#panel.toggleReaction(entry, reaction))
    $('.retry', row).onclick = () => this.#retry(entry)
    $('.discard', row).onclick = $('.cancel', row).onclick = () => this.#takeBack(entry)
  }

  #quote({ row, entry }) {
    const { reply_to } = entry.message
    if (!reply_to) return
    const answered = this.#byId.get(reply_to.id)
    drawQuote(
      row,
      answered,
      (entry) => this.#panel.authorOf(entry),
      (target) => {
        flash(target)
        this.#roving.focusRow(target)
      },
    )
  }

  #retry(entry) {
    if (entry.retry() && !entry.amendment) this.#panel.auditor.withdrawn(entry.message.client_id)
    this.#panel.focus()
  }

  #takeBack(entry) {
    const { client_id } = entry.message
    if (!entry.cancel()) this.#panel.tell('Too late to take it back: it has left')
    else if (!entry.amendment) this.#panel.auditor.withdrawn(client_id)
    this.#panel.focus()
  }

  #style(row, entry, before, after) {
    const { state, amendment, message } = entry
    const author = this.#panel.authorOf(entry)
    setText($('.author bdi', row), author)
    const day = $('.day', row)
    day.hidden = isSameDay(before, entry)
    if (!day.hidden) setText(day, nameOfDay(entry.message.timestamp))
    row.dataset.tone = toneOf(author)
    const isWaiting = isPending(entry) && !this.#panel.isLive
    $('.cancel', row).hidden = !isWaiting
    row.className = [
      'message',
      isWaiting ? 'waiting' : amendment === 'failed' ? 'failed' : state,
      message.deleted && 'deleted',
      row.classList.contains('flash') && 'flash',
      this.#isOwn(entry) && 'own',
      !isSameTurn(before, entry) && 'starts',
      !isSameTurn(entry, after) && 'ends',
    ]
      .filter(Boolean)
      .join(' ')
  }

  #isOwn({ kind, message }) {
    return kind === 'message' && this.#panel.isMine(message)
  }

  get isRead() {
    return this.#scroll.isAtEnd
  }

  get #first() {
    const { entries } = this.#panel
    return entries.slice(entries.findLastIndex(({ kind }) => kind === 'break') + 1)[0]?.message
  }

  get #hasOlder() {
    return this.#first?.offset > 1 && this.#first.id !== this.#panel.oldest
  }

  async #loadOlder() {
    if (this.#isLoading || !this.#hasOlder || !this.#panel.isLive) return
    this.#isLoading = true
    this.#box.ariaBusy = 'true'
    const { id, offset } = this.#first
    try {
      const { more } = await this.#panel.room.history({ before: offset, limit: HISTORY })
      if (!more) this.#panel.oldest = this.#first?.id ?? id
    } catch (error) {
      this.#panel.tell(error.message)
    }
    this.#box.ariaBusy = 'false'
    this.#isLoading = false
    // With the lines that came: a button that goes before them, at the very top, would move what is read.
    this.draw()
  }
}

function makeBreak({ reason }) {
  const row = make('li', 'break')
  row.append(make('p', '', BREAKS[reason] ?? 'A part is missing here.'))
  return row
}

const isPending = ({ state, amendment }) => state === 'pending' || amendment === 'pending'

const canAct = ({ state, message }) => !message.deleted && (state === 'pending' || state === 'sent')

let described = 0

/** Buttons that have the same name tell whose they are. */
function describeBy(button, element) {
  element.id ||= `said-${++described}`
  button.setAttribute('aria-describedby', element.id)
}

const isAlike = (known, { entry, before, after }) =>
  known?.entry === entry && known.before === before && known.after === after

/** The first message of a log, or one after a break, says its day. */
const isSameDay = (a, b) => a?.kind === 'message' && dayOf(a.message.timestamp) === dayOf(b.message.timestamp)

/** Whether two messages are shown as one person's turn. */
function isSameTurn(a, b) {
  if (a?.kind !== 'message' || b?.kind !== 'message' || a.message.user_id !== b.message.user_id) return false
  if (!isSameDay(a, b)) return false
  return Math.abs(Date.parse(b.message.timestamp) - Date.parse(a.message.timestamp)) < 180_000
}
