import { readFile } from 'node:fs/promises'
import { parser } from '@prometheus-io/lezer-promql'
import { CLOSE_CODES, ERRORS } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { connect } from '../support/connect.js'
import { SECRET } from '../support/webhook-receiver.js'
import { serve, until } from '../support/wire-server.js'

/** Metrics and labels that Prometheus adds by itself. */
const OF_PROMETHEUS = { metrics: ['up'], labels: ['instance', 'job'] }
const CODES = [...Object.keys(ERRORS), ...Object.values(CLOSE_CODES).map(({ code }) => String(code))]

const read = (path: string) => readFile(new URL(`../../docs/${path}`, import.meta.url), 'utf8')
const dashboard = JSON.parse(await read('monitoring/dashboard.json')) as {
  panels: { title: string; targets: { expr: string }[] }[]
}
const { groups } = parse(await read('monitoring/alerts.yml')) as {
  groups: { rules: { alert: string; expr: string }[] }[]
}
const rules = groups.flatMap((group) => group.rules)
const shownByPanels = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({ from: title, text: expr.replaceAll('$__rate_interval', '5m') })),
)
const asked = [...shownByPanels, ...rules.map(({ alert, expr }) => ({ from: alert, text: expr }))]

/** What a server shows that did some of everything. */
async function scrape(): Promise<string> {
  const { url, server } = await serve()
  server.webhooks([{ url: 'http://localhost/', secret: SECRET, events: ['messages_erased'] }])
  server.http({ authenticate: () => true })
  const [ana, bob] = [await connect(url), await connect(url)]
  for (const client of [ana, bob]) await client.join('lobby')
  await ana.chat('lobby', 'hi', { client_id: 'c' })
  await bob.next('chat_message')
  await ana.refusal({ type: 'dance' })
  bob.close(1000)
  await until(() => server.stats().connections === 1)
  let text = ''
  await until(() => {
    text = server.metrics()
    return text.includes('quantile="1"')
  })
  return text
}

/** The labels of the samples, by the name of their metric. */
function labelsIn(exposition: string): Map<string, string[]> {
  const samples = [...exposition.matchAll(/^(\w+)(?:\{(.*)\})? /gm)]
  return new Map(
    samples.map(([, name = '', labels = '']) => [
      name,
      [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
    ]),
  )
}

/** What an expression asks for that there is not, and where it cannot be read. */
function faultsOf(expression: string, shown: ReadonlyMap<string, string[]>): string[] {
  const faults: string[] = []
  const labels = [...OF_PROMETHEUS.labels]
  const note = (isKnown: boolean, what: string) => isKnown || faults.push(what)
  const tree = parser.parse(expression)
  tree.iterate({
    enter({ name, type, from, to, node }) {
      const source = expression.slice(from, to)
      note(!type.isError, `unreadable at ${from}`)
      if (name !== 'Identifier' || node.parent?.name !== 'VectorSelector') return
      note(shown.has(source) || OF_PROMETHEUS.metrics.includes(source), `no metric ${source}`)
      labels.push(...(shown.get(source) ?? []))
    },
  })
  tree.iterate({
    enter({ name, from, to }) {
      if (name === 'LabelName') note(labels.includes(expression.slice(from, to)), `no label at ${from}`)
    },
  })
  for (const [, code = ''] of expression.matchAll(/\bcode="(\w+)"/g))
    note(CODES.includes(code), `no code ${code}`)
  return faults
}

describe('monitoring', () => {
  it('every expression of the dashboard and the alerts can be read, and asks for what /metrics shows', async () => {
    const shown = labelsIn(await scrape())
    expect(asked.length).toBeGreaterThan(20)
    const faulty = asked
      .map(({ from, text }) => [from, ...faultsOf(text, shown)])
      .filter((one) => one.length > 1)
    expect(faulty).toEqual([])
  })

  it('an expression that cannot be read, or asks for what does not exist, is found', () => {
    const shown = new Map([['roomful_errors_total', ['code']]])
    const faults = (expression: string) => faultsOf(expression, shown)
    expect(faults('sum by (code) (rate(roomful_errors_total{code="internal"}[5m])) > 0')).toEqual([])
    expect(faults('rate(roomful_errors_total[5m) > 0')).not.toEqual([])
    expect(faults('roomful_error_total')).toEqual(['no metric roomful_error_total'])
    expect(faults('sum by (kind) (roomful_errors_total)')).toEqual(['no label at 8'])
    expect(faults('roomful_errors_total{code="interna"}')).toEqual(['no code interna'])
  })

  it('docs/monitoring.md lists every metric of /metrics with its type, and no others', async () => {
    const page = await read('monitoring.md')
    const listed = [...page.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`)
    const shown = [...(await scrape()).matchAll(/^# TYPE (\w+ \w+)$/gm)].map(([, one]) => one)
    expect(listed).toEqual(shown)
  })

  it('the dashboard shows every metric', async () => {
    const shown = [...(await scrape()).matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name)
    const missing = shown.filter((name) => !shownByPanels.some(({ text }) => text.includes(name)))
    expect(missing).toEqual([])
  })

  it('each alert has a name of its own, and says what happened and what to do', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const rule of rules)
      expect(rule).toMatchObject({
        labels: { severity: expect.stringMatching(/^(critical|warning)$/) },
        annotations: { summary: expect.any(String), description: expect.any(String) },
      })
  })
})
