import { mkdirSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { createClient } from '@roomful/client'
import { createServer } from '@roomful/server'
import { build } from 'esbuild'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { asyncOutbox } from './async-outbox.js'

const page = await readFile(new URL('../../docs/react-native.md', import.meta.url), 'utf8')

it('docs/react-native.md shows the outbox that runs as a test', async () => {
  const sample = await readFile(new URL('async-outbox.ts', import.meta.url), 'utf8')
  expect(page).toContain(`\`async-outbox.ts\`:\n\n\`\`\`ts\n${sample}\`\`\``)
})

it('a client joins, sends and hears with no more than React Native has, and what the page adds to it', async () => {
  const url = await serve()
  const context = reactNative()
  runInContext(await bundle(), context)
  context.url = url
  const told: unknown = await runInContext(
    `(async () => {
      const client = roomful.createClient({ url: url + '#fragment', token: 'ana' })
      const room = client.room('general')
      const heard = new Promise((resolve) => room.on('chat_message', resolve))
      await room.join()
      const { offset } = await room.send('from a phone')
      const { message } = await heard
      const { length } = room.timeline.get()
      client.close()
      return { offset, message, length }
    })()`,
    context,
  )
  expect(told).toEqual({ offset: 1, message: 'from a phone', length: 1 })
})

it('an outbox in an asynchronous store: messages that an app could not send are sent when it starts again', async () => {
  const url = await serve()
  const folder = await mkdtemp(join(tmpdir(), 'roomful-async-outbox-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const start = (token: string, address = url) => {
    const storage = asyncOutbox(fileStore(folder))
    const client = createClient({ url: address, token, storage, WebSocket })
    onTestFinished(() => client.close())
    const room = client.room('general')
    return { client, room, joined: room.join() }
  }
  const first = start('ana')
  await first.joined
  await first.room.send('one')
  await expect.poll(() => readdir(folder)).toEqual([])
  await first.room.leave()
  void first.room.join()
  // The room is not joined again yet, so nothing is sent before the app ends.
  for (const text of ['two', 'three']) first.room.send(text)
  first.client.close()
  await expect.poll(() => readdir(folder)).toHaveLength(2)

  const stranger = start('bob')
  await stranger.joined
  await stranger.room.send('from somebody else')
  const second = start('ana')
  await second.joined
  await expect.poll(() => readdir(folder)).toEqual([])
  const { messages } = await second.room.history()
  expect(messages.map((entry) => entry.message)).toEqual(['one', 'from somebody else', 'two', 'three'])
})

async function serve(): Promise<string> {
  const server = createServer({
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    authenticate: ({ token }) => (token ? { userId: token } : null),
  })
  onTestFinished(() => server.close())
  return (await server.listen({ port: 0 })).url
}

/** The client after the polyfills of the page; the one that is native in React Native is among the globals. */
async function bundle(): Promise<string> {
  const [, polyfills = ''] = /^`polyfills\.js`:\n\n```js\n(.*?)^```$/ms.exec(page) ?? []
  const native = `import 'react-native-get-random-values'\n`
  expect(polyfills).toContain(native)
  const { outputFiles } = await build({
    stdin: {
      contents: `${polyfills.replace(native, '')}\nexport { createClient } from '@roomful/client'\n`,
      resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'roomful',
  })
  return outputFiles[0]?.text ?? ''
}

/**
 * What an app on React Native 0.81 finds besides the language: no page, no storage, no classes of events, and URLs that
 * cannot be changed. Its engine has no FinalizationRegistry.
 */
function reactNative() {
  const { performance } = globalThis
  const context = createContext({
    setTimeout,
    clearTimeout,
    performance,
    btoa,
    console,
    TextEncoder,
    WebSocket,
    URL: UnchangeableUrl,
    crypto: { getRandomValues: (bytes: Uint8Array) => crypto.getRandomValues(bytes) },
    navigator: { product: 'ReactNative' },
  })
  runInContext('window = self = globalThis; delete globalThis.FinalizationRegistry', context)
  return context
}

class UnchangeableUrl {
  readonly #url: URL

  constructor(url: unknown, base?: string) {
    if (typeof url !== 'string') throw new TypeError('url.includes is not a function')
    this.#url = new URL(url, base)
  }

  get href(): string {
    return this.#url.href
  }

  get searchParams(): URLSearchParams {
    return this.#url.searchParams
  }
}

/** A store of the shape of AsyncStorage, with a file for each key. Like that one, it never shows half a value. */
function fileStore(folder: string) {
  const fileOf = (key: string) => join(folder, encodeURIComponent(key))
  const unfinished = `${folder}.unfinished`
  mkdirSync(unfinished, { recursive: true })
  onTestFinished(() => rm(unfinished, { recursive: true, force: true }))
  return {
    getAllKeys: async () => (await readdir(folder)).map(decodeURIComponent),
    getItem: (key: string) => readFile(fileOf(key), 'utf8').catch(() => null),
    setItem: async (key: string, value: string) => {
      const draft = join(unfinished, encodeURIComponent(key))
      await writeFile(draft, value)
      await rename(draft, fileOf(key))
    },
    removeItem: (key: string) => rm(fileOf(key), { force: true }),
  }
}
