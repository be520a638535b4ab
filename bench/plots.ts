import { LOAD_NAMES, LOADS, PEERS, type Peer } from './loads.js'
import type { Sample } from './measure.js'
import { connectCost, deliveries, memory, p99, type Results, type Runs } from './results.js'
import { type Spread, spreadOf } from './statistics.js'
import { figure } from './table.js'

interface Bar {
  readonly label: string
  readonly value: Spread
  readonly isOurs: boolean
}

interface Panel {
  readonly title: string
  readonly bars: readonly Bar[]
}

const PANEL = { width: 400, gap: 40, head: 34, bar: 22, foot: 18 }
const LABEL_WIDTH = 110
const VALUE_WIDTH = 56
const TITLE_HEIGHT = 36

/** Reads on a light page and on a dark one: no ground, and a grey that both can carry. */
const STYLE = `text { font: 13px system-ui, sans-serif; fill: #7d8590 }
.title { font-size: 15px; font-weight: 600 }
.ours { fill: #2f81f7 } .theirs { fill: #8b949e; opacity: .55 }
.spread { stroke: #7d8590; stroke-width: 1.5 }`

/** SVG by name of file. */
export function drawPlots({ loads, idle }: Results): Record<string, string> {
  const perLoad = (of: (sample: Sample) => number) =>
    LOAD_NAMES.map((name) => panel(`${name}: ${LOADS[name].title}`, loads[name] ?? {}, of))
  return {
    'fan-out': draw(
      'Thousands of deliveries a CPU second of the server (longer is better)',
      perLoad(deliveries),
    ),
    latency: draw('99th percentile of a delivery’s latency, in ms (shorter is better)', perLoad(p99)),
    connections: draw('The cost of a connection (shorter is better)', [
      panel('KiB of memory, idle in a room', idle, memory),
      panel('µs of CPU to connect and join', idle, connectCost),
    ]),
  }
}

function panel(title: string, runs: Runs<Peer, Sample>, of: (sample: Sample) => number): Panel {
  const bars = (Object.keys(PEERS) as Peer[]).map((peer) => ({
    label: PEERS[peer].title,
    value: spreadOf((runs[peer] ?? []).map(of)),
    isOurs: peer === 'roomful',
  }))
  return { title, bars }
}

/** Panels in two columns, each with a scale of its own. */
function draw(title: string, panels: readonly Panel[]): string {
  const height = PANEL.head + PANEL.foot + PANEL.bar * Math.max(...panels.map(({ bars }) => bars.length))
  const width = PANEL.width * 2 + PANEL.gap
  const total = TITLE_HEIGHT + height * Math.ceil(panels.length / 2)
  const body = panels.map((panel, index) => {
    const x = (index % 2) * (PANEL.width + PANEL.gap)
    const y = TITLE_HEIGHT + Math.floor(index / 2) * height
    return `<g transform="translate(${x} ${y})">\n${drawPanel(panel)}\n</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="0" y="20">${title}</text>`,
    ...body,
    '</svg>\n',
  ].join('\n')
}

function drawPanel({ title, bars }: Panel): string {
  const most = Math.max(...bars.map(({ value }) => value.max))
  const scale = (value: number) => (value / most) * (PANEL.width - LABEL_WIDTH - VALUE_WIDTH)
  return [`<text x="0" y="20">${title}</text>`, ...bars.map((bar, row) => drawBar(bar, row, scale))].join(
    '\n',
  )
}

function drawBar({ label, value, isOurs }: Bar, row: number, scale: (value: number) => number): string {
  const y = PANEL.head + row * PANEL.bar
  const middle = y + PANEL.bar / 2 - 2
  const x = (amount: number) => (LABEL_WIDTH + scale(amount)).toFixed(1)
  return [
    `<text x="0" y="${middle + 5}">${label}</text>`,
    `<rect class="${isOurs ? 'ours' : 'theirs'}" x="${LABEL_WIDTH}" y="${y}" width="${scale(value.median).toFixed(1)}" height="${PANEL.bar - 5}"/>`,
    `<line class="spread" x1="${x(value.min)}" x2="${x(value.max)}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${(LABEL_WIDTH + scale(value.max) + 6).toFixed(1)}" y="${middle + 5}">${figure(value.median)}</text>`,
  ].join('\n')
}
