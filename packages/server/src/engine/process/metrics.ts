import { CLOSE_CODES } from '@roomful/protocol'
import type { Stats } from '../../api/api.js'
import { EventLoopDelay } from './event-loop-delay.js'
import { Histogram } from './histogram.js'

const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(CLOSE_CODES).map(({ code }) => code))

/** The current figures of a node, and the limits that some of them should stay below. */
export interface Figures extends Stats {
  readonly ready: boolean
  readonly connectionsLimit: number
  readonly backlogLimitBytes: number
}

/** Counters and durations since the start of the node. */
export class Metrics {
  messagesIn = 0
  framesOut = 0
  published = 0
  duplicates = 0
  failedCommits = 0
  fanOuts = 0
  /** From the arrival of a client's chat message to its acknowledgement. */
  readonly acks = new Histogram()
  /** The time that the backplane takes to accept a message. */
  readonly commits = new Histogram()
  /** The time that the writes at the end of a turn take. */
  readonly writes = new Histogram()
  readonly eventLoopDelay = new EventLoopDelay()
  readonly #errors = new Map<string, number>()
  readonly #closes = new Map<number | 'other', number>()
  /** By class of status, such as `2xx`. */
  readonly #httpAnswers = new Map<string, number>()
  readonly #httpStreams: (() => number)[] = []
  /** By endpoint; the application chooses their names, and there are few. */
  readonly #webhooks = {
    delivered: new Map<string, number>(),
    failures: new Map<string, number>(),
    deadLetters: new Map<string, number>(),
    dropped: new Map<string, number>(),
  }
  readonly #failingWebhooks = new Map<string, () => number>()

  countError(code: string): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1)
  }

  /** A peer may close with any code: only known codes get a line of their own. */
  countClose(code: number): void {
    const label = KNOWN_CODES.has(code) ? code : 'other'
    this.#closes.set(label, (this.#closes.get(label) ?? 0) + 1)
  }

  countHttpAnswer(status: number): void {
    this.#addHttpAnswers(`${Math.floor(status / 100)}xx`, 1)
  }

  /** Begins to show an HTTP API. `readStreams` is asked at each scrape how many of its streams are open. */
  showHttpApi(readStreams: () => number): void {
    this.#httpStreams.push(readStreams)
    // From the start, because Prometheus sees no increase in a counter that first appears as 1.
    for (const statuses of ['2xx', '4xx', '5xx']) this.#addHttpAnswers(statuses, 0)
  }

  countWebhook(what: 'delivered' | 'failures' | 'deadLetters' | 'dropped', endpoint: string, by = 1): void {
    const counts = this.#webhooks[what]
    counts.set(endpoint, (counts.get(endpoint) ?? 0) + by)
  }

  /** `read` is asked at each scrape how long the oldest message that is sent again has been failing, in ms. */
  showFailingWebhook(endpoint: string, read: () => number): void {
    this.#failingWebhooks.set(endpoint, read)
  }

  #addHttpAnswers(statuses: string, by: number): void {
    this.#httpAnswers.set(statuses, (this.#httpAnswers.get(statuses) ?? 0) + by)
  }

  /** Prometheus' text format, version 0.0.4. */
  render(figures: Figures): string {
    return [...this.#gauges(figures), ...this.#counters(), ...this.#durations()].join('')
  }

  #gauges(figures: Figures): string[] {
    return [
      gauge('roomful_ready', 'Whether this node takes new connections', Number(figures.ready)),
      gauge('roomful_connections', 'Open connections', figures.connections),
      gauge('roomful_connections_limit', 'limits.connections', figures.connectionsLimit),
      gauge('roomful_users', 'Users with at least one connection', figures.users),
      gauge('roomful_rooms', 'Rooms with members on this node', figures.rooms),
      gauge('roomful_members', 'Memberships on this node', figures.members),
      gauge('roomful_backlog_bytes', 'Bytes sent that have not left the process', figures.backlogBytes),
      gauge('roomful_backlog_limit_bytes', 'limits.nodeBacklogBytes', figures.backlogLimitBytes),
      gauge('roomful_http_streams', 'Open streams of the HTTP API', sumOf(this.#httpStreams)),
      gauge('process_resident_memory_bytes', 'Resident memory', process.memoryUsage.rss()),
    ]
  }

  #counters(): string[] {
    return [
      counter('roomful_messages_in_total', 'Frames received from clients', this.messagesIn),
      counter('roomful_frames_out_total', 'Messages written to clients', this.framesOut),
      counter('roomful_published_total', 'Messages that the log accepted', this.published),
      counter('roomful_duplicates_total', 'Repeats that the log recognised', this.duplicates),
      counter('roomful_commit_failures_total', 'Messages that the log could not take', this.failedCommits),
      counter('roomful_fan_outs_total', 'Flushes of a room to its members', this.fanOuts),
      family('roomful_errors_total', 'Error frames by code', 'code', this.#errors),
      family('roomful_closes_total', 'Ended connections by close code', 'code', this.#closes),
      family('roomful_http_answers_total', 'Answers of the HTTP API', 'status', this.#httpAnswers),
      ...this.#webhookFamilies(),
    ]
  }

  #durations(): string[] {
    return [
      histogram('roomful_ack_duration_seconds', 'From a chat message to its acknowledgement', this.acks),
      histogram('roomful_commit_duration_seconds', 'Until the log accepted a message', this.commits),
      histogram('roomful_fan_out_duration_seconds', 'Writing what one turn has for clients', this.writes),
      summary(
        'roomful_event_loop_delay_seconds',
        'How late the process runs what is due',
        this.eventLoopDelay,
      ),
    ]
  }

  #webhookFamilies(): string[] {
    const { delivered, failures, deadLetters, dropped } = this.#webhooks
    const failing = new Map([...this.#failingWebhooks].map(([endpoint, read]) => [endpoint, read() / 1_000]))
    return [
      family('roomful_webhooks_delivered_total', 'Messages that an endpoint accepted', 'endpoint', delivered),
      family('roomful_webhooks_failures_total', 'Requests that failed', 'endpoint', failures),
      family('roomful_webhooks_dead_letters_total', 'Messages that were given up', 'endpoint', deadLetters),
      family('roomful_webhooks_dropped_total', 'Events of rooms that were dropped', 'endpoint', dropped),
      family(
        'roomful_webhooks_failing_seconds',
        'Since the first failure of the oldest message that is sent again',
        'endpoint',
        failing,
        'gauge',
      ),
    ]
  }
}

const sumOf = (reads: readonly (() => number)[]) => reads.reduce((sum, read) => sum + read(), 0)
const gauge = (name: string, help: string, value: number) =>
  `${head(name, help, 'gauge')}${name} ${value === Number.POSITIVE_INFINITY ? '+Inf' : value}\n`
const counter = (name: string, help: string, value: number) =>
  `${head(name, help, 'counter')}${name} ${value}\n`
const histogram = (name: string, help: string, durations: Histogram) =>
  head(name, help, 'histogram') + durations.samples(name)
const summary = (name: string, help: string, delay: EventLoopDelay) =>
  head(name, help, 'summary') + delay.samples(name)

function family(
  name: string,
  help: string,
  label: string,
  values: ReadonlyMap<string | number, number>,
  type = 'counter',
): string {
  const lines = [...values].map(
    ([key, value]) => `${name}{${label}="${escapeLabel(String(key))}"} ${value}\n`,
  )
  return head(name, help, type) + lines.join('')
}

function escapeLabel(value: string): string {
  return value.replace(/["\\\n]/g, '_')
}

const head = (name: string, help: string, type: string) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
