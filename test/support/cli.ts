import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built command. */
export const ROOMFUL = fileURLToPath(new URL('../../packages/server/dist/cli.js', import.meta.url))

export interface Exit {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** Where it is started, and so keeps what it keeps. @default a new folder, which goes with the process */
  readonly folder?: string
  /** @default the built command */
  readonly program?: string
}

/** The `roomful` command in a process of its own. */
export class Cli {
  stdout = ''
  stderr = ''
  readonly folder: string
  readonly #process: ChildProcess
  readonly #exit: Promise<Exit>

  constructor(
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    { folder, program = ROOMFUL }: CliOptions = {},
  ) {
    const clean = { PATH: process.env.PATH ?? '', NODE_NO_WARNINGS: '1' }
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'roomful-cli-'))
    this.#process = spawn(process.execPath, [program, ...args], {
      cwd: this.folder,
      env: { ...clean, ...env },
      stdio: 'pipe',
    })
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString()
    })
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
    })
    this.#exit = once(this.#process, 'close').then(([code]) => {
      if (folder === undefined) rmSync(this.folder, { recursive: true, force: true })
      return { code: code as number | null, stdout: this.stdout, stderr: this.stderr }
    })
  }

  exit(): Promise<Exit> {
    return this.#exit
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  kill(signal: NodeJS.Signals = 'SIGINT'): void {
    this.#process.kill(signal)
  }

  /** The first group of a pattern, once the command has printed it. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.stdout)
      if (match) return match[1] ?? match[0]
      const over = this.#exit.then(({ code }) => {
        throw new Error(
          `roomful ended with ${code} before it printed ${pattern}: ${this.stdout}${this.stderr}`,
        )
      })
      await Promise.race([once(this.#process.stdout as NodeJS.ReadableStream, 'data'), over])
    }
  }

  /** The page's address, once it is served. */
  url(): Promise<string> {
    return this.printed(/Roomful is at (\S+)/)
  }
}
