import { Ledger } from './app/ledger.js'

/** Compares what the page's clients sent and were promised with what each of them got and shows. */
export class Auditor {
  /** Messages that the page sent, by client id, in their order. */
  #sent = new Map()
  /** When an offset was first found missing. A late broadcast is no loss; one that is later than this is. */
  #missing = new Map()
  #graceMs = 5_000
  #arrivals = { doubled: 0, reordered: 0 }
  #ledger = new Ledger()
  #report
  /** The entries of each client at that report, and whether anything else has happened since. */
  #looked = []
  #hasNews = false

  /** A frame came out of a cable. */
  passed(frame) {
    this.#ledger.passed(frame)
    if (frame.offset !== undefined || frame.messages) this.#hasNews = true
  }

  /** A message was handed to a client's handlers. */
  arrived(panel, { epoch, offset }) {
    const last = panel.arrival
    if (last?.epoch === epoch && offset === last.offset) this.#arrivals.doubled++
    if (last?.epoch === epoch && offset < last.offset) this.#arrivals.reordered++
    panel.arrival = { epoch, offset }
    this.#hasNews = true
  }

  withdrawn(clientId) {
    this.#sent.delete(clientId)
    this.#hasNews = true
  }

  /** `shown` counts the messages on the screens; `isPending` says that what is missing may become a loss. */
  examine(panels) {
    // Nobody pays for looking at thousands of messages again of which none has changed.
    const isLooked =
      panels.length === this.#looked.length &&
      panels.every((panel, index) => panel.entries === this.#looked[index])
    if (this.#report && isLooked && !this.#hasNews && this.#missing.size === 0) return this.#report
    this.#looked = panels.map(({ entries }) => entries)
    this.#hasNews = false
    const found = { lost: 0, ...this.#arrivals, forgotten: forgottenBy(panels) }
    for (const panel of panels) this.#register(panel)
    for (const panel of panels) {
      this.#checkTwins(panel, found)
      this.#checkOrder(panel, found)
      found.lost += this.#countMissing(panel) + this.#countVanished(panel)
    }
    this.#report = { ...found, shown: countShown(panels), isPending: this.#missing.size > 0 }
    return this.#report
  }

  /** Whether what a client shows is in order, and its own messages in that in which they were written. */
  isInOrder(panel) {
    const found = { reordered: 0 }
    this.#checkOrder(panel, found)
    return found.reordered === 0
  }

  #register(panel) {
    for (const { kind, state, message } of panel.entries) {
      if (kind !== 'message' || !panel.isMine(message) || !message.client_id) continue
      const known = this.#sent.get(message.client_id)
      if (!known && state === 'pending')
        this.#sent.set(message.client_id, { panel, room: panel.room.id, number: this.#sent.size })
      if (!known || state !== 'sent') continue
      known.place = message
      this.#ledger.promised(message)
    }
  }

  #checkTwins(panel, found) {
    const ids = new Set()
    const offsets = new Map()
    for (const { kind, message } of panel.entries) {
      if (kind !== 'message') continue
      const { client_id, epoch, offset } = message
      if (!offsets.has(epoch)) offsets.set(epoch, new Set())
      for (const [seen, key] of [
        [ids, client_id],
        [offsets.get(epoch), offset],
      ])
        if (key && seen.size === seen.add(key).size) found.doubled++
    }
  }

  #checkOrder(panel, found) {
    let offset = 0
    const numbers = new Map()
    for (const { kind, state, message } of panel.entries) {
      if (kind === 'break') offset = 0
      if (kind === 'break' || state !== 'sent') continue
      const sent = this.#sent.get(message.client_id)
      if (message.offset < offset || sent?.number < numbers.get(sent?.panel)) found.reordered++
      offset = message.offset
      if (sent) numbers.set(sent.panel, sent.number)
    }
  }

  /** Holes between the offsets that a client shows, and what was promised to a sender and is not shown at the end. */
  #countMissing(panel) {
    const now = performance.now()
    const missing = new Set(this.#holes(panel).map((hole) => `${panel.side} ${hole}`))
    for (const hole of this.#missing.keys())
      if (hole.startsWith(`${panel.side} `) && !missing.has(hole)) this.#missing.delete(hole)
    for (const hole of missing) if (!this.#missing.has(hole) || !panel.isLive) this.#missing.set(hole, now)
    return [...missing].filter((hole) => now - this.#missing.get(hole) > this.#graceMs).length
  }

  #holes(panel) {
    const holes = []
    let last
    const expect = (epoch, offset) => {
      for (let next = last.offset + 1; next < offset; next++)
        if (!this.#ledger.isEmpty(panel.room.id, epoch, next)) holes.push(`${epoch} ${next}`)
    }
    for (const { kind, state, message } of panel.entries) {
      if (kind === 'break') last = undefined
      else if (state === 'sent') {
        if (last?.epoch === message.epoch) expect(message.epoch, message.offset)
        last = message
      }
    }
    if (!last) return holes
    const promised = [...this.#sent.values()].flatMap(({ room, place }) =>
      room === panel.room.id && place?.epoch === last.epoch ? place.offset : [],
    )
    expect(last.epoch, Math.max(0, ...promised) + 1)
    return holes
  }

  /** Neither under way nor in the log nor failed: gone without a word, or with one that is no better. */
  #countVanished(panel) {
    const shown = new Set(panel.entries.map(({ message }) => message?.client_id))
    const vanished = [...this.#sent].filter(
      ([id, { panel: by, room, place }]) =>
        by === panel && room === panel.room.id && !place && !shown.has(id),
    )
    return vanished.length + panel.entries.filter(({ state }) => state === 'lost').length
  }
}

/** Messages that were accepted, and that a server which started anew has no more: they are on these screens alone. */
function forgottenBy(panels) {
  const forgotten = panels.flatMap(({ entries }) =>
    entries
      .slice(0, entries.findLastIndex(({ reason }) => reason === 'epoch_changed') + 1)
      .filter(({ state }) => state === 'sent')
      .map(({ message }) => message.id),
  )
  return new Set(forgotten).size
}

function countShown(panels) {
  const ids = new Set()
  for (const { entries } of panels)
    for (const { state, message } of entries) if (state === 'sent') ids.add(message.id)
  return ids.size
}
