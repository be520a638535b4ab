import { $, make, setText } from './dom.js'
import { Frames } from './frames.js'
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
  #frames = new Frames()
  #panels

  constructor(panels) {
    this.#panels = panels
    this.#toggle.onclick = () => this.show(this.#element.hidden)
    $('.shut').onclick = () => this.#shut()
    this.#element.onkeydown = ({ key }) => {
      if (key === 'Escape') this.#shut()
    }
  }

  /** The focus goes back to where it came from. */
  #shut() {
    this.show(false)
    this.#toggle.focus()
  }

  show(isShown) {
    this.#element.hidden = !isShown
    // By a class: of :has(), a browser would look for it among thousands of rows again with each that comes.
    $('.stage').classList.toggle('inspected', isShown)
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
    this.#frames.add(panel, way, frame)
  }
}
