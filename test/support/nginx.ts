import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'

/** A real nginx, with what a test puts into its `server` block. */
export class Nginx {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** `http` stands beside the `server` block. @throws Error that says what to install */
  static start(server: string, http = ''): Promise<Nginx> {
    const map = "map $http_upgrade $connection_upgrade { default upgrade; '' close; }"
    return Nginx.with((port) => `${map} ${http} server { listen 127.0.0.1:${port}; ${server} }`)
  }

  /** With all that stands in its `http` block. */
  static async with(http: (port: number) => string): Promise<Nginx> {
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'roomful-nginx-'))
    // Its workers are another user, who must be able to look.
    chmodSync(folder, 0o755)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const config = join(folder, 'nginx.conf')
    writeFileSync(
      config,
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 256; }
       http {
         access_log off;
         ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
         ${http(port)}
       }`,
    )
    const child = spawn(program(), ['-e', `${folder}/error.log`, '-p', folder, '-c', config], {
      stdio: 'ignore',
    })
    const nginx = new Nginx(port, child, folder)
    await nginx.#untilReady()
    return nginx
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    const { child } = this
    if (child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #untilReady(): Promise<void> {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
      if (await accepts(this.port)) return
      if (this.child.exitCode !== null) throw new Error('nginx ended at once; its configuration is wrong')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`nginx does not listen on port ${this.port}`)
  }
}

/** The lines of docs/deploy.md, for a server on this machine. */
export function passTo(port: number, more = ''): string {
  return `location / {
    proxy_pass http://127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Host $http_host;
    ${more}
  }`
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

let found: string | undefined

function program(): string {
  found ??= find() ?? install() ?? find()
  if (found) return found
  throw new Error('These tests start nginx, which is not installed: apt-get install nginx-light')
}

function find(): string | undefined {
  try {
    return execFileSync('which', ['nginx'], {
      encoding: 'utf8',
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    }).trim()
  } catch {
    return undefined
  }
}

function install(): undefined {
  if (process.getuid?.() !== 0) return
  // Test files run side by side: without the wait, the second finds apt locked by the first and gives up.
  const options = ['-o', 'DPkg::Lock::Timeout=50', 'install', '-y', 'nginx-light']
  try {
    execFileSync('apt-get', options, {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch {
    // Not this kind of system, or no network: said by the caller.
  }
}
