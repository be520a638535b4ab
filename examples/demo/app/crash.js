import { $ } from './dom.js'
import { redraw } from './redraw.js'

/** Kills the one server behind the page, where it says that it may be killed: it runs here, and is started again. */
export class Crash {
  #button = $('.crash')
  #panels
  #isOffered = false

  constructor(panels) {
    this.#panels = panels
    // Whoever is connected can tell it.
    this.#button.onclick = () => this.#live?.room.emit('kill_node', {})
  }

  watch(panel) {
    panel.client.on('served_by', ({ node, killable }) => {
      this.#isOffered = killable === true && node === undefined
      redraw()
    })
  }

  draw() {
    this.#button.hidden = !this.#isOffered
    this.#button.disabled = !this.#live
  }

  get #live() {
    return this.#panels.find(({ room, isLive }) => room && isLive)
  }
}
