import { CLOSE_CODES } from '@roomful/protocol'
import type { Stats } from '../../api/api.js'

const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(CLOSE_CODES).map(({ code }) => code))

/** Counters since the start of the node. */
export class Metrics {
  messagesIn = 0
  framesOut = 0
  published = 0
  duplicates = 0
  fanOutMs = 0
  fanOuts = 0
  readonly #errors = new Map<string, number>()
  readonly #closes = new Map<number | 'other', number>()

  countError(code: string): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1)
  }

  /** A peer may close with any code: only known codes get a line of their own. */
  countClose(code: number): void {
    const label = KNOWN_CODES.has(code) ? code : 'other'
    this.#closes.set(label, (this.#closes.get(label) ?? 0) + 1)
  }

  /** Prometheus' text format, version 0.0.4. */
  render(stats: Stats): string {
    return [
      gauge('roomful_connections', 'Open connections', stats.connections),
      gauge('roomful_users', 'Users with at least one connection', stats.users),
      gauge('roomful_rooms', 'Rooms with members on this node', stats.rooms),
      gauge('roomful_members', 'Memberships on this node', stats.members),
      gauge('roomful_backlog_bytes', 'Bytes sent that have not left the process', stats.backlogBytes),
      counter('roomful_messages_in_total', 'Frames received from clients', this.messagesIn),
      counter('roomful_frames_out_total', 'Messages written to clients', this.framesOut),
      counter('roomful_published_total', 'Messages that the log accepted', this.published),
      counter('roomful_duplicates_total', 'Repeats that the log recognised', this.duplicates),
      counter('roomful_fan_outs_total', 'Flushes of a room to its members', this.fanOuts),
      counter('roomful_fan_out_seconds_total', 'Time spent in them', this.fanOutMs / 1000),
      family('roomful_errors_total', 'Error frames by code', 'code', this.#errors),
      family('roomful_closes_total', 'Ended connections by close code', 'code', this.#closes),
      gauge('process_resident_memory_bytes', 'Resident memory', process.memoryUsage.rss()),
    ].join('')
  }
}

const gauge = (name: string, help: string, value: number) => `${head(name, help, 'gauge')}${name} ${value}\n`
const counter = (name: string, help: string, value: number) =>
  `${head(name, help, 'counter')}${name} ${value}\n`

function family(
  name: string,
  help: string,
  label: string,
  values: ReadonlyMap<string | number, number>,
): string {
  const lines = [...values].map(
    ([key, value]) => `${name}{${label}="${escapeLabel(String(key))}"} ${value}\n`,
  )
  return head(name, help, 'counter') + lines.join('')
}

function escapeLabel(value: string): string {
  return value.replace(/["\\\n]/g, '_')
}

const head = (name: string, help: string, type: string) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
