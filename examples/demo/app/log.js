import { Actions } from './actions.js'
import { $, clone, make, setText } from './dom.js'
import { toneOf } from './people.js'
import { drawQuote, flash } from './quote.js'
import { drawReactions } from './reactions.js'
import { Roving } from './roving.js'
import { describePending, fillRow } from './row.js'
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
  #pill
  #older
  #actions
  #roving
  #seen = new Seen()
  /** Rows and the entries that they show, by key. */
  #rows = new Map()
  /** The same by the id of the message, for answers to it. */
  #byId = new Map()
  #drawn
  #unread = 0
  #wasAtEnd = true
  #isLoading = false

  constructor(panel) {
    this.#panel = panel
    this.#box = $('.log', panel.element)
    this.#list = $('ol', this.#box)
    this.#pill = $('.newer', panel.element)
    this.#older = $('.older', this.#box)
    this.#actions = new Actions(panel)
    this.#roving = new Roving(this.#list)
    this.#pill.onclick = () => this.toEnd()
    this.#older.onclick = () => this.#loadOlder()
    this.#box.onscroll = () => this.#scrolled()
    // A keyboard that opens takes its place from the log: the newest message stays above it.
    new ResizeObserver(() => this.#wasAtEnd && this.toEnd()).observe(this.#box)
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight
    this.#scrolled()
  }

  draw() {
    const { entries, isLive, name, readers } = this.#panel
    const seen = readers.map((reader) => `${reader.name} ${reader.mark.offset}`)
    const state = `${isLive} ${this.#hasOlder} ${name} ${seen}`
    if (entries === this.#drawn?.entries && state === this.#drawn.state) return
    this.#drawn = { entries, state }
    this.#steadily(() => {
      const { hasOwn, below } = this.#roving.settle(() => this.#arrange(entries))
      if (hasOwn) this.#wasAtEnd = true
      if (!this.#wasAtEnd) this.#unread += below
      const own = entries.filter((entry) => this.#isOwn(entry))
      this.#seen.draw(
        own.map(({ key }) => this.#rows.get(key)),
        readers,
      )
      $('.empty', this.#box).hidden = entries.length > 0 || !isLive
      this.#older.hidden = !this.#hasOlder
    })
    this.#drawPill()
  }

  /** Whoever is at the end stays there; whoever reads further up goes on reading the same line. */
  #steadily(change) {
    // Its lower edge: the name above a line goes when an earlier line of the same turn appears.
    const bottom = (row) => row.offsetTop + row.offsetHeight
    const line = [...this.#list.children].find((row) => bottom(row) > this.#box.scrollTop)
    const before = line && bottom(line)
    change()
    if (this.#wasAtEnd) this.toEnd()
    else if (line?.isConnected) this.#box.scrollTop += bottom(line) - before
  }

  #arrange(entries) {
    const keys = new Set(entries.map(({ key }) => key))
    for (const [key, { row }] of this.#rows) if (!keys.has(key)) this.#rows.delete(key) && row.remove()
    const grown = { below: 0, hasOwn: false }
    const wasEmpty = this.#rows.size === 0
    let place = this.#list.firstElementChild
    let waiting = 0
    this.#byId.clear()
    for (const [index, entry] of entries.entries()) {
      const known = this.#rows.get(entry.key)
      const row = known?.row ?? (entry.kind === 'break' ? makeBreak(entry) : clone('message'))
      if (entry.kind === 'message') {
        if (known?.entry !== entry) this.#fill(row, entry)
        this.#style(row, entry, entries[index - 1], entries[index + 1])
        if (entry.state === 'pending') waiting++
        if (isPending(entry)) setText($('.meta', row), describePending(entry, this.#panel.isLive, waiting))
        this.#byId.set(entry.message.id, { row, entry })
        this.#quote(row, entry)
      }
      this.#rows.set(entry.key, { row, entry })
      if (!known && !wasEmpty && !place) {
        if (this.#isOwn(entry)) grown.hasOwn = true
        else grown.below++
      }
      if (row === place) place = place.nextElementSibling
      else this.#list.insertBefore(row, place)
    }
    return grown
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

  #quote(row, { message: { reply_to } }) {
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
    return this.#wasAtEnd
  }

  get #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box
    return scrollHeight - scrollTop - clientHeight < 40
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

  #scrolled() {
    this.#wasAtEnd = this.#isAtEnd
    if (this.#wasAtEnd) this.#unread = 0
    else if (this.#box.scrollTop < 40) this.#loadOlder()
    this.#drawPill()
  }

  #drawPill() {
    this.#pill.hidden = this.#unread === 0
    setText(this.#pill, `${this.#unread} new`)
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

/** Whether two messages are shown as one person's turn. */
function isSameTurn(a, b) {
  if (a?.kind !== 'message' || b?.kind !== 'message' || a.message.user_id !== b.message.user_id) return false
  if (a.message.data?.name !== b.message.data?.name) return false
  return Math.abs(Date.parse(b.message.timestamp) - Date.parse(a.message.timestamp)) < 180_000
}
