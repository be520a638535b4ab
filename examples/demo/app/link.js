import { Away } from './away.js'
import { $, setText } from './dom.js'
import { redrawIn } from './redraw.js'

/** The line that says how a client stands with its server, and why. */
export class Link {
  #panel
  #away
  /** The server has said farewell, and no other one has answered since. */
  #isDraining = false

  constructor(panel) {
    this.#panel = panel
    this.#away = new Away(panel)
    panel.client.on('status', ({ from, to }) => {
      if (isUp(from) && !isUp(to)) this.#away.left()
    })
    $('.again', panel.element).onclick = () => this.#connect()
  }

  /** A frame of the server. */
  passed(frame) {
    this.#away.passed(frame)
    if (frame.type === 'draining') this.#isDraining = true
    if (frame.type === 'system') this.#isDraining = false
  }

  /** The room is live again. */
  resumed() {
    this.#away.back()
  }

  /** The conversation goes on: what was said about its last pause is no news any more. */
  forget() {
    this.#away.forget()
  }

  draw() {
    const { element, client, cable } = this.#panel
    const status = client.status.get()
    const [quality, words] = this.#describe(status)
    element.dataset.link = quality
    setText($('[role=status]', element), words)
    setText($('.extra', element), this.#detail(status))
    const again = $('.again', element)
    const { state } = status
    again.hidden = cable.isPulled || !['backoff', 'offline', 'waiting', 'failed'].includes(state)
    setText(again, state === 'waiting' || state === 'failed' ? 'Connect again' : 'Try now')
  }

  #describe({ state, reason }) {
    const room = this.#panel.room.status.get()
    if (this.#panel.cable.isPulled) return ['bad', 'Unplugged, messages wait']
    if (this.#isDraining && state !== 'online' && state !== 'failed')
      return ['slow', 'The server restarts, messages wait']
    if (['backoff', 'offline', 'waiting', 'failed', 'closed'].includes(state)) return ['bad', reason]
    if (state !== 'online') return ['slow', reason]
    if (room.state === 'denied') return ['bad', room.reason]
    if (room.state !== 'live') return ['slow', room.reason]
    if (room.recovered === false) return ['slow', 'Connected after a break']
    return ['good', room.recovered ? `Connected, nothing missed${this.#away.describe()}` : 'Connected']
  }

  #detail({ state, nextAttemptAt }) {
    const latency = this.#panel.client.latency.get()
    if (state === 'online' && latency !== undefined) return `${Math.round(latency)} ms`
    if ((state !== 'backoff' && state !== 'offline') || this.#panel.cable.isPulled) return ''
    const ms = Math.max(0, nextAttemptAt - Date.now())
    if (ms > 0) redrawIn(ms % 1_000 || 1_000)
    return `again in ${Math.ceil(ms / 1_000)} s`
  }

  #connect() {
    const { client, room } = this.#panel
    const { state } = client.status.get()
    client.connect()
    // What ended for good ended the membership, too.
    if (state === 'failed') this.#panel.enter(room.id)
    this.#panel.focus()
  }
}

const isUp = ({ state }) => state === 'online' || state === 'degraded'
