import { $, make } from './dom.js'
import { toneOf } from './people.js'

const MOST = 300

/** What went over the cables, newest first. One Tab stop for all of it; up and down go from frame to frame. */
export class Frames {
  #list = $('.frames')
  /** The frame at which Tab stops, if it is not the newest one. */
  #current

  constructor() {
    $('.clear').onclick = () => this.#list.replaceChildren()
    $('.pings').onchange = ({ target }) => {
      this.#list.classList.toggle('with-pings', target.checked)
      this.#settle()
    }
    this.#list.addEventListener('focusin', ({ target }) => this.#moveTo(target))
    this.#list.addEventListener('keydown', (event) => this.#press(event))
  }

  /** Called with each frame, as it passes. */
  add(panel, way, frame) {
    const row = make('details', isPing(frame) ? 'ping' : '')
    row.append(makeSummary(panel, way, frame))
    row.ontoggle = () => row.children[1] ?? row.append(make('pre', '', JSON.stringify(frame, hide, 2)))
    this.#list.prepend(row)
    if (this.#list.childElementCount > MOST) this.#list.lastElementChild.remove()
    this.#settle()
  }

  /** While the focus is elsewhere, one enters at the newest frame. */
  #settle() {
    if (this.#current !== document.activeElement) this.#moveTo(this.#shown()[0])
  }

  #shown() {
    const isShown = this.#list.classList.contains('with-pings') ? 'summary' : 'details:not(.ping) > summary'
    return [...this.#list.querySelectorAll(isShown)]
  }

  #moveTo(summary) {
    if (this.#current === summary) return
    if (this.#current) this.#current.tabIndex = -1
    this.#current = summary
    if (summary) summary.tabIndex = 0
  }

  #press(event) {
    const shown = this.#shown()
    const at = shown.indexOf(this.#current)
    const to = {
      ArrowDown: shown[at + 1],
      ArrowUp: shown[at - 1],
      Home: shown[0],
      End: shown.at(-1),
    }[event.key]
    if (!to) return
    event.preventDefault()
    to.focus()
  }
}

const isPing = ({ type }) => type === 'ping' || type === 'pong'

function makeSummary(panel, way, frame) {
  const time = new Date().toISOString().slice(11, 23)
  const place = frame.offset === undefined ? '' : `#${frame.offset}`
  const cells = [
    ['time', time],
    ['who', panel.name],
    ['way', way === 'in' ? '↓' : '↑'],
    [frame.type === 'error' ? 'type error' : 'type', frame.code ?? String(frame.type)],
    ['offset', place],
  ]
  const summary = make('summary')
  summary.tabIndex = -1
  summary.append(...cells.map(([className, text]) => make('span', className, text)))
  $('.who', summary).dataset.tone = toneOf(panel.name)
  $('.way', summary).setAttribute('role', 'img')
  $('.way', summary).ariaLabel = way === 'in' ? 'received' : 'sent'
  return summary
}

/** Whoever looks over a shoulder must not be able to take over the session. */
const hide = (key, value) => (key === 'session' || key === 'token' ? '(hidden)' : value)
