import { $, setText } from './dom.js'
import { redraw } from './redraw.js'

/** Which node serves a client, where the server tells, and how long the way to another one took. */
export class Badge {
  #element
  #node
  #before
  #lostAt
  #tookMs

  constructor(panel) {
    this.#element = $('.served', panel.element)
    panel.client.on('served_by', ({ node, killable }) => {
      // Where there is one server, it has no name, and one button on the page.
      this.#node = node === undefined ? undefined : String(node)
      $('.kill', this.#element).hidden = !killable
      redraw()
    })
    panel.client.on('status', ({ from, to }) => {
      if (!isUp(from) || isUp(to)) return
      this.#lostAt = performance.now()
      this.#before = this.#node
    })
    $('.kill', this.#element).onclick = () => panel.room.emit('kill_node', {})
  }

  /** The room is live again. */
  resumed() {
    if (this.#lostAt !== undefined) this.#tookMs = performance.now() - this.#lostAt
    this.#lostAt = undefined
  }

  draw() {
    const isGone = this.#lostAt !== undefined
    const hasMoved = !isGone && this.#before !== undefined && this.#before !== this.#node
    this.#element.hidden = this.#node === undefined
    this.#element.classList.toggle('gone', isGone)
    this.#element.classList.toggle('moved', hasMoved)
    setText($('b', this.#element), this.#node ?? '')
    setText($('.took', this.#element), this.#describe(isGone))
  }

  #describe(isGone) {
    if (isGone || this.#tookMs === undefined) return ''
    return `resumed in ${(this.#tookMs / 1_000).toFixed(2)} s`
  }
}

const isUp = ({ state }) => state === 'online' || state === 'degraded'
