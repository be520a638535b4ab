import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a server did, in one order. */
export type DiskEvent =
  | { readonly kind: 'written'; readonly mark: string }
  /** A frame of this type was about to be sent. */
  | { readonly kind: 'sent'; readonly mark: string; readonly type: string }
  | { readonly kind: 'sync' | 'synced' | 'failed' | 'closed'; readonly thread: string }

const SOURCE = fileURLToPath(new URL('disk-shim.c', import.meta.url))

/** Sits between a server and its disk: records what is written, synced and sent, and delays or fails syncs. */
export class DiskShim {
  readonly #folder = mkdtempSync(join(tmpdir(), 'roomful-shim-'))
  readonly #journal = join(this.#folder, 'journal')
  readonly #control = join(this.#folder, 'control')
  readonly #library = join(this.#folder, 'shim.so')

  /** @throws Error that names what is missing if the shim cannot be compiled */
  constructor() {
    writeFileSync(this.#journal, '')
    writeFileSync(this.#control, 'p')
    compile(this.#library)
  }

  /** The environment of the server's process. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      DISK_SHIM_JOURNAL: this.#journal,
      DISK_SHIM_CONTROL: this.#control,
    }
  }

  /** No sync of the log returns until `release`. */
  hold(): void {
    this.#switch('h')
  }

  release(): void {
    this.#switch('p')
  }

  /** The next sync of the log fails, as a disk's does. */
  failOnce(): void {
    this.#switch('f')
  }

  events(): readonly DiskEvent[] {
    return readFileSync(this.#journal, 'utf8').split('\n').filter(Boolean).map(parse)
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Writes in place, because the server has mapped the file's first byte into its memory. */
  #switch(to: 'p' | 'h' | 'f'): void {
    const file = openSync(this.#control, 'r+')
    writeSync(file, to, 0)
    closeSync(file)
  }
}

function parse(line: string): DiskEvent {
  const [kind = '', word = '', type = ''] = line.split(' ')
  if (kind === 'written') return { kind, mark: word }
  if (kind === 'sent') return { kind, mark: word, type }
  if (kind === 'sync' || kind === 'synced' || kind === 'failed' || kind === 'closed')
    return { kind, thread: word }
  throw new Error(`The shim wrote an unknown line: ${line}`)
}

function compile(library: string): void {
  const flags = ['-O2', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl']
  for (const compiler of ['cc', 'gcc', 'clang']) {
    try {
      execFileSync(compiler, flags, { stdio: ['ignore', 'ignore', 'inherit'] })
      return
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (!isMissing) throw error
    }
  }
  throw new Error(
    'This proof preloads a library of C into the server: it needs Linux and a C compiler named cc, gcc or clang.',
  )
}
