import { $, setText } from './dom.js'

/** How far from the end of a log one still reads its end. */
const END_PX = 40

/** The place in a log: whoever is at its end stays there, whoever reads further up goes on reading the same line. */
export class Scroll {
  isAtEnd = true
  #box
  #list
  #pill
  #unread = 0
  #loadOlder

  constructor(element, loadOlder) {
    this.#box = $('.log', element)
    this.#list = $('ol', this.#box)
    this.#pill = $('.newer', element)
    this.#loadOlder = loadOlder
    this.#pill.onclick = () => this.toEnd()
    this.#box.onscroll = () => this.#scrolled()
    // A keyboard that opens takes its place from the log, and rows get their true height only near the screen: the
    // newest message stays in sight.
    const observer = new ResizeObserver(() => this.isAtEnd && this.toEnd())
    for (const element of [this.#box, this.#list]) observer.observe(element)
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight
    this.#scrolled()
  }

  /** @param change changes rows; returns how many appeared below the others, and whether an own one did */
  steadily(change) {
    const line = this.isAtEnd ? undefined : this.#topLine()
    const before = line && bottomOf(line)
    const { hasOwn, below } = change()
    if (hasOwn) this.isAtEnd = true
    if (this.isAtEnd) return this.toEnd()
    this.#unread += below
    if (line?.isConnected) this.#box.scrollTop += bottomOf(line) - before
    this.#drawPill()
  }

  /** The first row in sight. Asking each of thousands would take longer than drawing them. */
  #topLine() {
    const rows = this.#list.children
    let [low, high] = [0, rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (bottomOf(rows[middle]) > this.#box.scrollTop) high = middle
      else low = middle + 1
    }
    return rows[low]
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX
    if (this.isAtEnd) this.#unread = 0
    else if (scrollTop < END_PX) this.#loadOlder()
    this.#drawPill()
  }

  #drawPill() {
    this.#pill.hidden = this.isAtEnd
    setText(this.#pill, this.#unread > 0 ? `${this.#unread} new ↓` : 'Newest ↓')
  }
}

/** Its lower edge: the name above a line goes when an earlier line of the same turn appears. */
const bottomOf = (row) => row.offsetTop + row.offsetHeight
