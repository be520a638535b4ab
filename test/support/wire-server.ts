import type { BuiltIn } from '@roomful/protocol'
import {
  type AnyProtocol,
  createServer,
  type Logger,
  memory,
  type Roomful,
  type ServerOptions,
} from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { onTestFinished } from 'vitest'

export interface LogLine {
  readonly level: keyof Logger
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface WireServer<P extends AnyProtocol> {
  readonly server: Roomful<P>
  readonly url: string
  readonly port: number
  readonly log: LogLine[]
}

/** A server on a free port, which ends with the test. */
export async function serve<const P extends AnyProtocol = BuiltIn, D = unknown>(
  options: ServerOptions<P, D> = {},
): Promise<WireServer<P>> {
  const log: LogLine[] = []
  const server = createServer<P, D>({ logger: logInto(log), backplane: memory(), ...options })
  const { url, port } = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  return { server, url, port, log }
}

export function logInto(log: LogLine[]): Logger {
  const at = (level: keyof Logger) => (fields: LogLine['fields'], event: string) => {
    log.push({ level, event, fields })
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Everything that was logged, as text: to look for what must not be in it. */
export function logText(log: readonly LogLine[]): string {
  return log
    .map(({ level, event, fields }) =>
      [
        level,
        event,
        ...Object.values(fields).map((value) => (value instanceof Error ? value.stack : value)),
      ].join(' '),
    )
    .join('\n')
}

/** Virtual time for real sockets: timers wait to be told, while what is at hand is done by itself. */
export class WireClock extends VirtualClock {
  override soon(task: () => void): void {
    setImmediate(task)
  }
}

/** A promise with its handles, and a way to wait until someone waits for it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

/** Resolves when something has come true that no frame tells. */
export async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`It never came true that ${isTrue}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
