import { type ChildProcess, fork } from 'node:child_process'

const RESTART_MS = 2_000
const MARK = 'ROOMFUL_SUPERVISED'

/** Runs the command in a process of its own. When that is killed, it is started again on the port that it had. */
export function supervise(program: string, args: readonly string[]): void {
  let server: ChildProcess | undefined
  let port: string | undefined
  let isEnding = false

  const start = () => {
    let isUp = false
    const child = fork(program, port === undefined ? args : [...args, '--port', port], {
      env: { ...process.env, [MARK]: '1' },
      // Ctrl-C would reach it twice: from the terminal, and from here.
      detached: process.platform !== 'win32',
    })
    server = child
    child.once('message', (message) => {
      port = String(message)
      isUp = true
    })
    child.once('exit', (code, signal) => {
      server = undefined
      if (isEnding || signal === null || !isUp) process.exit(code ?? 1)
      console.log(`Roomful was killed (${signal}); it starts again in ${RESTART_MS / 1_000} s`)
      setTimeout(start, RESTART_MS)
    })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      isEnding = true
      if (server) server.kill(signal)
      else process.exit(0)
    })
  start()
}

export function isSupervised(env: Readonly<Record<string, string | undefined>>): boolean {
  return env[MARK] !== undefined && process.connected
}

/** Tells the supervisor the port, and ends with it: a supervisor that died can neither stop nor start this process. */
export function obey(port: number): void {
  process.on('disconnect', () => process.exit())
  process.send?.(port)
}
