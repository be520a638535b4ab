import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { defineProtocol } from '@roomful/protocol'
import { expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import { apiOf, KEY, serveApi } from '../support/http-api.js'
import { installed } from '../support/installed.js'
import { serve, until } from '../support/wire-server.js'

const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8')

/** The programs of the page in a language, which ask the server of the test. */
function samples(language: string, base: string): string[] {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))]
  return blocks.map(([, code = '']) => code.replaceAll('http://localhost:3000/api', base))
}

/** What a program prints. @throws Error if it fails, or is not on this machine */
async function run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<string> {
  try {
    const env = { PATH: process.env.PATH, API_KEY: KEY, ...more }
    return (await promisify(execFile)(program, args, { env })).stdout
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`This test runs a sample of docs/http.md, which needs ${program}: install it`)
  }
}

/** A program that does not end by itself. */
class Running {
  readonly #child: ChildProcess
  readonly #over: Promise<never>
  #printed = ''

  constructor(program: string, args: readonly string[]) {
    const env = { PATH: process.env.PATH, API_KEY: KEY }
    // In a group of its own, because a shell leaves what it has started.
    this.#child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text
    })
    this.#over = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`It ended with ${code}, after it had printed: ${this.#printed}`)
    })
    // Nobody may be waiting when the test ends it.
    this.#over.catch(() => {})
    onTestFinished(() => {
      if (this.#child.pid !== undefined && this.#child.exitCode === null) process.kill(-this.#child.pid)
    })
  }

  /** @throws Error if it ends before */
  async printed(text: string): Promise<string> {
    while (!this.#printed.includes(text))
      await Promise.race([once(this.#child.stdout as NodeJS.ReadableStream, 'data'), this.#over])
    return this.#printed
  }
}

it('docs/http.md sends a message and reads it by curl', async () => {
  const { base } = await serveApi()
  const [, sample = ''] = samples('sh', base)
  const printed = await run('sh', ['-ec', sample])
  expect(printed).toContain('"offset":1,"duplicate":false}')
  expect(printed).toContain('"message":"Hello from curl"')
})

it('docs/http.md sends a message once and reads it by Python', async () => {
  const { base } = await serveApi()
  const [sample = ''] = samples('python', base)
  const [first = '', second, ...rest] = (await run('python3', ['-c', sample])).trim().split('\n')
  expect(first).toContain("'offset': 1, 'duplicate': False")
  expect(second).toBe(first.replace('False', 'True'))
  expect(rest).toEqual(['@server Invoice 17 is paid'])
})

it('docs/http.md streams what is said by curl', async () => {
  const { base, call } = await serveApi()
  const [, , sample = ''] = samples('sh', base)
  const curl = new Running('sh', ['-ec', sample])
  await curl.printed('id: ')
  await call('POST', '/rooms/general/messages', { message: 'Hello, curl' })
  expect(await curl.printed('Hello, curl')).toMatch(/\nevent: chat_message\ndata: \{"type":"chat_message"/)
})

it('docs/http.md streams what is said by Python, each message once, also when its connection breaks', async () => {
  const { server } = await serve()
  const { node } = apiOf(server)
  const streams: ServerResponse[] = []
  const http = createHttpServer((request, response) => {
    streams.push(response)
    node(request, response)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void http.close().closeAllConnections())
  const [, sample = ''] = samples('python', `http://127.0.0.1:${(http.address() as AddressInfo).port}/api`)
  const { chat } = server.room('general')
  await chat.send('before')
  const python = new Running('python3', ['-c', sample])
  await until(() => streams[0]?.headersSent === true)
  for (let n = 1; n <= 3; n++) {
    await chat.send(`live ${n}`)
    await python.printed(`live ${n}\n`)
    http.closeAllConnections()
    await chat.send(`away ${n}`)
    await python.printed(`away ${n}\n`)
  }
  const printed = await python.printed('away 3')
  const lines = printed.trim().split('\n')
  expect(lines).toEqual(
    ['live 1', 'away 1', 'live 2', 'away 2', 'live 3', 'away 3'].map(
      (text, index) => `chat_message ${index + 2} ${text}`,
    ),
  )
  expect(streams).toHaveLength(4)
})

it('docs/http.md publishes once and reads it by createRest', async () => {
  const protocol = defineProtocol({ server: { paid: z.object({ invoice: z.number() }) } })
  const { base } = await serveApi({ protocol })
  const sample = fileURLToPath(new URL('rest-sample.ts', import.meta.url))
  const again = async () => run(process.execPath, ['--import', 'tsx', sample], { API_URL: base })
  expect(await again()).toBe('1 false\n17\n')
  expect(await again()).toBe('1 true\n17\n')
})

it('docs/http.md sends a message once and reads it by PHP', async () => {
  const php = installed('php', 'php-cli')
  const { base } = await serveApi()
  const [sample = ''] = samples('php', base)
  const { stdout } = spawnSync(php, ['-l'], { input: sample, encoding: 'utf8' })
  expect(stdout).toContain('No syntax errors')
  const printed = await run(php, ['-r', sample.replace('<?php', '')])
  const [first = '', second, ...rest] = printed.trim().split('\n')
  expect(first).toContain('"offset":1,"duplicate":false')
  expect(second).toBe(first.replace('false', 'true'))
  expect(rest).toEqual(['@server Invoice 17 is paid'])
}, 180_000) // to install it takes its time
