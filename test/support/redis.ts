import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type RedisClientType } from 'redis'
import { installed } from './installed.js'

export interface RedisOptions {
  /** Writes each command to disk before it is answered, so that a restart loses nothing. @default false */
  readonly durable?: boolean
  /** Copies from this one. */
  readonly replicaOf?: RedisServer
  /** Asked of everybody who connects. */
  readonly password?: string
  /** Where its files are. @default one for temporary files */
  readonly folder?: string
  /** More of redis-server's own options, each with its dashes. */
  readonly args?: readonly string[]
}

/** A Redis that a test starts, kills and brings back on the same port, with the same files. */
export class RedisServer {
  #process: ChildProcess | undefined
  #admin: RedisClientType | undefined

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly options: RedisOptions,
  ) {}

  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(
      await freePort(),
      mkdtempSync(join(options.folder ?? tmpdir(), 'roomful-redis-')),
      options,
    )
    await server.start()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const { port, folder } = this
    const { durable = false, replicaOf, password, args = [] } = this.options
    const given = {
      port: `${port}`,
      bind: '127.0.0.1',
      dir: folder,
      save: '',
      appendonly: durable ? 'yes' : 'no',
      appendfsync: 'always',
      // Replicas are there at once, rather than after a wait for more of them.
      'repl-diskless-sync-delay': '0',
      ...(password !== undefined && { requirepass: password }),
      ...(replicaOf && { replicaof: `127.0.0.1 ${replicaOf.port}` }),
    }
    const flags = Object.entries(given).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')])
    this.#process = spawn(installed('redis-server', 'redis-server', ' 7 or later'), [...flags, ...args], {
      stdio: 'ignore',
    })
    await this.#untilReady()
  }

  /** Without a goodbye, as a machine dies. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    this.#admin?.destroy()
    this.#admin = undefined
    if (!child || child.exitCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    child.kill('SIGCONT')
    await exited
  }

  /** Keeps its connections, and answers nothing until `resume`. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Makes a replica the primary, with what it has. */
  async promote(): Promise<void> {
    await this.command('REPLICAOF', 'NO', 'ONE')
  }

  async command(...command: string[]): Promise<unknown> {
    this.#admin ??= await connect(this.url, this.options.password)
    return this.#admin.sendCommand(command)
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Answers, has read its files, and, as a replica, has copied its primary. */
  async #untilReady(): Promise<void> {
    const { replicaOf } = this.options
    const isReady = async () => {
      const info = String(await this.command('INFO'))
      if (!info.includes('\r\nloading:0') || info.includes('master_link_status:down')) return false
      const seen = replicaOf && String(await replicaOf.command('INFO', 'replication'))
      return !seen || new RegExp(`port=${this.port},state=online`).test(seen)
    }
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
      if (await isReady().catch(() => false)) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`redis-server did not get ready on port ${this.port}`)
  }
}

async function connect(url: string, password = ''): Promise<RedisClientType> {
  const client: RedisClientType = createClient({ url, password, socket: { reconnectStrategy: false } })
  client.on('error', () => {
    // The command that was asked for tells.
  })
  await client.connect()
  return client
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
