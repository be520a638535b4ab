import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'

export interface ProxyProgram {
  /** The path of the program. */
  readonly program: string
  /** The text of its configuration. `folder` is for whatever it writes. */
  readonly config: (port: number, folder: string) => string
  /** `file` has the configuration. */
  readonly args: (file: string, folder: string) => readonly string[]
}

/** A real proxy, which ends with its folder. */
export class ProxyProcess {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Resolves when it listens. */
  static async start({ program, config, args }: ProxyProgram): Promise<ProxyProcess> {
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'roomful-proxy-'))
    // The workers of some are another user, who must be able to look.
    chmodSync(folder, 0o755)
    const file = join(folder, 'proxy.conf')
    writeFileSync(file, config(port, folder))
    const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
    const child = spawn(program, args(file, folder), { env, stdio: ['ignore', 'ignore', 'pipe'] })
    const proxy = new ProxyProcess(port, child, folder)
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-2_000)
    })
    try {
      await proxy.#untilReady(program, () => said)
    } catch (error) {
      await proxy.stop()
      throw error
    }
    return proxy
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #untilReady(program: string, said: () => string): Promise<void> {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
      if (await accepts(this.port)) return
      if (this.child.exitCode !== null) {
        throw new Error(`${program} ended at once; its configuration is wrong: ${said()}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`${program} does not listen on port ${this.port}: ${said()}`)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
