import { $, make, setText } from './dom.js'
import { toneOf } from './people.js'
import { redraw } from './redraw.js'

const FAULTS = [
  ['Half-open', 'The socket stays open and carries nothing.', ({ cable }) => cable.silence()],
  [
    'Slow network',
    '3 s there and back.',
    ({ cable }) => {
      cable.delayMs = cable.delayMs ? 0 : 1_500
    },
    ({ cable }) => cable.delayMs > 0,
  ],
  ['Wrong message', 'Of a type that no server knows.', ({ cable }) => cable.inject('{"type":"teleport"}')],
  [
    'Expired token',
    'Close code 4004, which ends it for good.',
    ({ cable }) => cable.end(4004, 'Token expired'),
  ],
]

const FACTS = {
  Connection: ({ client }) => client.status.get().state,
  Because: ({ client }) => client.status.get().reason,
  Room: ({ room }) => room.status.get().state,
  Epoch: ({ entries }) => lastPlaced(entries)?.epoch?.slice(0, 8) ?? '–',
  Offset: ({ entries }) => String(lastPlaced(entries)?.offset ?? '–'),
  Waiting: ({ waiting }) => String(waiting),
  Latency: ({ client }) =>
    client.latency.get() === undefined ? '–' : `${Math.round(client.latency.get())} ms`,
}

const lastPlaced = (entries) => entries.findLast(({ state }) => state === 'sent')?.message

/** What goes over the cables, where the clients stand, and what else can go wrong. */
export class Inspector {
  #element = $('.inspector')
  #toggle = $('.inspect')
  #frames = $('.frames')
  #panels

  constructor(panels) {
    this.#panels = panels
    this.#toggle.onclick = () => this.show(this.#element.hidden)
    $('.shut').onclick = () => this.show(false)
    $('.clear').onclick = () => this.#frames.replaceChildren()
    $('.pings').onchange = ({ target }) => this.#frames.classList.toggle('with-pings', target.checked)
  }

  show(isShown) {
    this.#element.hidden = !isShown
    this.#toggle.ariaExpanded = String(isShown)
    redraw()
  }

  /** Lays out a column for each client. */
  build() {
    $('.faults').replaceChildren(...FAULTS.map((fault) => this.#makeFault(fault)))
    $('.facts thead tr').replaceChildren(
      make('td'),
      ...this.#panels.map(() => Object.assign(make('th'), { scope: 'col' })),
    )
    $('.facts tbody').replaceChildren(
      ...Object.keys(FACTS).map((name) => {
        const row = make('tr')
        row.append(
          Object.assign(make('th', '', name), { scope: 'row' }),
          ...this.#panels.map(() => make('td')),
        )
        return row
      }),
    )
  }

  #makeFault([name, hint, run, isOn]) {
    const item = make('li')
    const label = make('p', '', name)
    label.append(make('small', '', hint))
    item.append(
      label,
      ...this.#panels.map((panel) => {
        const button = make('button', 'button small')
        button.onclick = () => {
          if (panel.cable.sockets.size === 0) panel.tell('There is no connection to disturb')
          run(panel)
          redraw()
        }
        button.redraw = () => {
          setText(button, panel.name)
          button.ariaLabel = `${name}: ${panel.name}`
          if (isOn) button.ariaPressed = String(isOn(panel))
        }
        return button
      }),
    )
    return item
  }

  draw() {
    if (this.#element.hidden) return
    for (const button of this.#element.querySelectorAll('.faults button')) button.redraw()
    for (const [index, panel] of this.#panels.entries()) {
      const head = $('.facts thead tr').cells[index + 1]
      setText(head, panel.name)
      head.dataset.tone = toneOf(panel.name)
      for (const [row, read] of Object.values(FACTS).entries())
        setText($('.facts tbody').rows[row].cells[index + 1], read(panel))
    }
  }

  /** Called with each frame, as it passes. */
  watch(panel, way, frame) {
    const row = make('details', frame.type === 'ping' || frame.type === 'pong' ? 'ping' : '')
    row.append(makeSummary(panel, way, frame))
    row.ontoggle = () => row.children[1] ?? row.append(make('pre', '', JSON.stringify(frame, hide, 2)))
    this.#frames.prepend(row)
    if (this.#frames.childElementCount > 300) this.#frames.lastElementChild.remove()
  }
}

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
  summary.append(...cells.map(([className, text]) => make('span', className, text)))
  $('.who', summary).dataset.tone = toneOf(panel.name)
  $('.way', summary).ariaLabel = way === 'in' ? 'received' : 'sent'
  return summary
}

/** Whoever looks over a shoulder must not be able to take over the session. */
const hide = (key, value) => (key === 'session' || key === 'token' ? '(hidden)' : value)
