import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuildOptions, build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { Cli } from '../support/cli.js'
import { installDriver } from '../support/driver.js'

// The compiler and npm take their time where cores are few and busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const names = ['protocol', 'server', 'client'] as const
type Name = (typeof names)[number]

interface Packed {
  filename: string
  files: { path: string }[]
}

let project: string
let packed: Record<Name, Packed>

beforeAll(async () => {
  project = await realpath(await mkdtemp(join(tmpdir(), 'roomful-consumer-')))
  packed = { protocol: await pack('protocol'), server: await pack('server'), client: await pack('client') }
  await cp(fileURLToPath(new URL('consumer', import.meta.url)), project, { recursive: true })
  const tarballs = names.map((name) => `./${packed[name].filename}`)
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true }))
  await run(
    'npm',
    // What an application brings beside them: a socket for Node 20, React for the client's hooks, a client for Redis.
    [
      'install',
      '--prefer-offline',
      '--ignore-scripts',
      ...tarballs,
      'ws@8',
      'react@19',
      'redis@6',
      '@types/react@19',
      '@types/node@20',
    ],
    { cwd: project },
  )
})

afterAll(() => rm(project, { recursive: true, force: true }))

describe.each(names)('@roomful/%s, packed', (name) => {
  it('a packed package ships its build, types, licence and readme, and no sources', () => {
    const paths = packed[name].files.map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.cts']),
    )
    expect(paths.filter((path) => /^(src|test)\/|\.config\.|tsconfig/.test(path))).toEqual([])
  })

  it('a packed package is clean by publint', () =>
    rootBin('publint', 'run', join(project, packed[name].filename), '--strict'))

  it('a packed package has types that resolve as its code does', () =>
    rootBin(
      'attw',
      join(project, packed[name].filename),
      '--profile',
      'node16',
      '--exclude-entrypoints',
      'roomful.global.js',
    ))

  it('a packed package assigns no export of its CommonJS build but where it exports', async () => {
    // The compiler takes a private or a class field for the exported variable of the same name, and writes to both.
    const dist = join(root, 'packages', name, 'dist')
    const files = (await readdir(dist)).filter((file) => file.endsWith('.cjs'))
    expect(files).toContain('index.cjs')
    for (const file of files) {
      const code = await readFile(join(dist, file), 'utf8')
      expect(code.match(/^.*= exports\.[\w$]+ .?.?=.*$/gm) ?? [], file).toEqual([])
    }
  })

  it('a packed package loads by every sub-path, as ESM and as CommonJS', async () => {
    const paths = await subPaths(name)
    expect(paths).toContain(`@roomful/${name}`)
    await node('--input-type=module', '-e', paths.map((path) => `import '${path}'`).join('\n'))
    await node('--input-type=commonjs', '-e', paths.map((path) => `require('${path}')`).join('\n'))
  })
})

describe('the three, installed in an empty project', () => {
  it.each(['esm.mjs', 'cjs.cjs'])(
    'the three, installed in an empty project chat, and the process ends by itself (%s)',
    async (file) => {
      expect(await node(file)).toBe('hello\n')
    },
  )

  it.each([
    ['a bundler', 'bundled.ts', 'ESNext', 'Bundler'],
    ['Node, ESM', 'esm.mts', 'Node16', 'Node16'],
    ['Node, CommonJS', 'cjs.cts', 'Node16', 'Node16'],
  ])('type-check for %s', async (_host, file, module, moduleResolution) => {
    await copyFile(join(project, 'sample.ts'), join(project, file))
    const compilerOptions = {
      module,
      moduleResolution,
      target: 'ES2022',
      lib: ['ES2023', 'DOM'],
      types: ['node'],
    }
    const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true }
    const config = join(project, `tsconfig.${file}.json`)
    await writeFile(
      config,
      JSON.stringify({ compilerOptions: { ...compilerOptions, ...strict }, files: [file] }),
    )
    await rootBin('tsc', '-p', config)
  })

  it('type-check what docs/react.md shows', async () => {
    const [intro = '', ...sections] = (await readFile(join(root, 'docs/react.md'), 'utf8')).split(/^## /m)
    // Its files are those of examples/next-chat, which the build of Next.js checks.
    const others = sections.filter((section) => !section.startsWith('A Next.js app\n'))
    for (const [index, section] of ['', ...others].entries())
      await writeFiles(join(project, `react-docs/${index}`), [...filesOf(intro), ...filesOf(section)])
    const compilerOptions = {
      module: 'ESNext',
      moduleResolution: 'Bundler',
      target: 'ES2022',
      lib: ['ES2023', 'DOM', 'DOM.Iterable'],
      types: ['node'],
      jsx: 'react-jsx',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    }
    const config = join(project, 'react-docs/tsconfig.json')
    await writeFile(config, JSON.stringify({ compilerOptions }))
    await rootBin('tsc', '-p', config)
  })

  it('type-check by every sub-path for resolution that knows no exports', async () => {
    const paths = (await Promise.all(names.map(subPaths))).flat().filter((path) => !/\.\w+$/.test(path))
    expect(paths).toContain('@roomful/protocol/define')
    const file = 'old.ts'
    await writeFile(
      join(project, file),
      paths
        .map((path, i) => `import * as m${i} from '${path}'\nexport const n${i}: object = m${i}`)
        .join('\n'),
    )
    const old = ['--module', 'CommonJS', '--moduleResolution', 'node10', '--target', 'ES2022']
    const config = ['--strict', '--skipLibCheck', '--noEmit', '--types', 'node', '--lib', 'ES2023,DOM']
    await rootBin('tsc', ...old, ...config, join(project, file))
  })

  it('bundle for the browser without zod, Node modules or eval', async () => {
    const { metafile, outputFiles } = await bundle(`export * from '@roomful/client'`)
    expect(Object.keys(metafile.inputs).filter((path) => path.includes('node_modules/zod/'))).toEqual([])
    expect(outputFiles[0]?.text).not.toMatch(/\beval\(|new Function\(/)
  })

  it.each([
    ['production', [], false],
    ['development', ['development'], true],
  ])(
    'the three, installed in an empty project give a browser the %s build',
    async (_build, conditions, hasSentences) => {
      const code = await bundled(`export * from '@roomful/client'`, { conditions })
      expect(code.includes('The server did not accept the connection in time')).toBe(hasSentences)
      expect(code.includes('The outbox is full')).toBe(hasSentences)
      await writeFile(join(project, 'bundled.mjs'), code)
      expect(await chat('./bundled.mjs')).toBe('hello\n')
    },
  )

  it.each(['@roomful/client', '@roomful/client/core'])('chat with %s', async (entry) => {
    expect(await chat(entry)).toBe('hello\n')
  })

  it.each([[[]], [['development']]])(
    'the three, installed in an empty project leave the timeline out of a bundle of the core (%j)',
    async (conditions) => {
      const isTimeline = /kind: ?"break"/
      expect(await bundled(`export * from '@roomful/client'`, { conditions })).toMatch(isTimeline)
      const core = await bundled(`export * from '@roomful/client/core'`, { conditions })
      expect(core).not.toMatch(isTimeline)
      await writeFile(join(project, 'bundled.mjs'), core)
      expect(await chat('./bundled.mjs')).toBe('hello\n')
    },
  )

  it.each([[[]], [['development']]])(
    'the three, installed in an empty project leave chat() out of a bundle that does not import it (%j)',
    async (conditions) => {
      const chatAlone = await bundled(`export * from '@roomful/client/chat'`, { conditions })
      expect(chatAlone).toContain('add_reaction')
      expect(await bundled(`export * from '@roomful/client'`, { conditions })).not.toContain('add_reaction"')
    },
  )

  it.each([
    ['as they are', `import { chat } from '@roomful/client/chat'`],
    [
      'with chat() from the CommonJS build',
      `const { chat } = createRequire(import.meta.url)('@roomful/client/chat')`,
    ],
    ['with chat() from a bundle of its own', `import { chat } from './chat-bundle.mjs'`],
  ])('the three, installed in an empty project edit messages, %s', async (_, load) => {
    await writeFile(join(project, 'chat-bundle.mjs'), await bundled(`export * from '@roomful/client/chat'`))
    await writeFile(
      join(project, 'edits.mjs'),
      `import { createRequire } from 'node:module'
       import { createClient } from '@roomful/client'
       import { createServer, memory } from '@roomful/server'
       import { WebSocket } from 'ws'
       ${load}
       const server = createServer({ backplane: memory() })
       const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
       const client = createClient({ url: \`ws://127.0.0.1:\${port}/\`, WebSocket })
       const room = client.room('general')
       await room.join()
       const message = await room.send('helo')
       await chat(room).edit(message, 'hello')
       console.log(room.timeline.get().map((entry) => entry.message.message).join())
       client.close()
       await server.close({ drainMs: 0 })`,
    )
    expect(await node('edits.mjs')).toBe('hello\n')
  })

  it('the three, installed in an empty project give Node whole sentences, in both formats', async () => {
    const say = `console.log(new RoomfulError('outbox_full').message)`
    const esm = await node(
      '--input-type=module',
      '-e',
      `import { RoomfulError } from '@roomful/client'; ${say}`,
    )
    const cjs = await node(
      '--input-type=commonjs',
      '-e',
      `const { RoomfulError } = require('@roomful/client'); ${say}`,
    )
    expect([esm, cjs]).toEqual(['The outbox is full\n', 'The outbox is full\n'])
  })

  it.each([[[]], [['development']]])(
    'the three, installed in an empty project know one class of errors in a bundle (%j)',
    async (conditions) => {
      const code = await bundled(
        `import { RoomfulError } from '@roomful/client'
       import { RoomfulError as again } from '@roomful/protocol'
       console.log(RoomfulError === again)`,
        { conditions },
      )
      await writeFile(join(project, 'same.mjs'), code)
      expect(await node('same.mjs')).toBe('true\n')
    },
  )

  it.each(['react.js', 'react.cjs'])(
    'the three, installed in an empty project tell a framework that the hooks are for the browser (%s)',
    async (file) => {
      const code = await readFile(join(project, 'node_modules/@roomful/client/dist', file), 'utf8')
      expect(code).toMatch(/^"use client";\n/)
    },
  )

  it('the three, installed in an empty project give a script tag the global `Roomful`', async () => {
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      await page.addScriptTag({ path: join(project, 'node_modules/@roomful/client/dist/roomful.global.js') })
      expect(await page.evaluate('[typeof Roomful.createClient, typeof Roomful.chat].join()')).toBe(
        'function,function',
      )
    } finally {
      await browser.close()
    }
  })

  it.each([
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const)(
    'a server that esbuild puts into one %s file has the thread of its store in it',
    async (format, end) => {
      // On Node 20 the driver is better-sqlite3, which stays outside the bundle.
      const native = join(project, 'node_modules/better-sqlite3')
      if (!existsSync(native)) await symlink(join(root, 'node_modules/better-sqlite3'), native)
      await build({
        stdin: { contents: RESTARTED, resolveDir: project },
        bundle: true,
        platform: 'node',
        format,
        outfile: join(project, `bundled/server.${end}`),
        banner:
          format === 'esm'
            ? {
                js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)`,
              }
            : {},
        logOverride: { 'empty-import-meta': 'silent' },
      })
      expect(await node(`bundled/server.${end}`, `./kept-${format}/chat.db`)).toBe('1\n')
    },
  )

  it('a bundle of createRest has nothing of Node, ws or zod in it, and runs with what the web has', async () => {
    const { metafile, outputFiles } = await bundle(`export { createRest } from '@roomful/server/rest'`, {
      format: 'iife',
      globalName: 'Roomful',
    })
    const packages = Object.keys(metafile.inputs).map(
      (path) => /node_modules\/((?:@\w+\/)?[\w-]+)/.exec(path)?.[1],
    )
    expect(new Set(packages.filter((name) => name !== undefined))).toEqual(
      new Set(['@roomful/server', '@roomful/protocol']),
    )
    await writeFile(join(project, 'rest.iife.js'), outputFiles[0]?.text ?? '')
    await writeFile(join(project, 'rest.mjs'), BARE)
    expect(await node('rest.mjs')).toBe('1 hello\n')
  })

  it('types of createRest need no types of Node', async () => {
    await writeFile(
      join(project, 'edge.ts'),
      `import { createRest } from '@roomful/server/rest'
       export const rest = createRest({ url: 'https://example.com/api', key: 'k', fetch })
       export const sent = rest.room('a').chat.send('hello', { key: 'k' })`,
    )
    const compilerOptions = {
      module: 'ESNext',
      moduleResolution: 'Bundler',
      target: 'ES2022',
      lib: ['ES2023', 'DOM', 'DOM.Iterable'],
      types: [],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    }
    await writeFile(
      join(project, 'tsconfig.edge.json'),
      JSON.stringify({ compilerOptions, files: ['edge.ts'] }),
    )
    await rootBin('tsc', '-p', join(project, 'tsconfig.edge.json'))
  })

  it('the three, installed in an empty project bring the `roomful` command', async () => {
    expect(await node('node_modules/.bin/roomful', '--help')).toContain('roomful')
  })

  it('the command, installed globally, finds better-sqlite3 beside it, wherever it is started', async () => {
    const prefix = await realpath(await mkdtemp(join(tmpdir(), 'roomful-global-')))
    onTestFinished(() => rm(prefix, { recursive: true, force: true }))
    const tarballs = (['protocol', 'server'] as const).map((name) => join(project, packed[name].filename))
    const options = ['--prefer-offline', '--ignore-scripts', '--prefix', prefix]
    await run('npm', ['install', '--global', ...options, ...tarballs], { cwd: project })
    await mkdir(join(prefix, 'lib/node_modules'), { recursive: true })
    await mkdir(join(prefix, 'elsewhere'))
    await installDriver(join(prefix, 'lib'))
    const env = { PORT: '0' }
    const cli = new Cli([], env, { program: join(prefix, 'bin/roomful'), folder: join(prefix, 'elsewhere') })
    onTestFinished(() => void cli.kill('SIGKILL'))
    await cli.url()
    expect(cli.stdout).toContain('everything is kept in')
    expect(cli.stderr).toBe('')
  })
})

/** The TypeScript of a page or a part of it, by the names before it. A later file of the same name replaces an earlier one. */
function filesOf(page: string): readonly (readonly [name: string, code: string])[] {
  const named = [...page.matchAll(/^`([\w./-]+)`[^\n]*\n\n```tsx?\n(.*?)^```$/gms)]
  expect(named).toHaveLength([...page.matchAll(/^```tsx?$/gm)].length)
  return named.map(([, name = '', code = '']) => [name, code])
}

async function writeFiles(folder: string, files: ReturnType<typeof filesOf>): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, code] of files) await writeFile(join(folder, name), code)
}

/** Publishes on a server, and reads the history of the next. */
const RESTARTED = `
  import { createServer, silentLogger } from '@roomful/server'
  import { sqlite } from '@roomful/server/sqlite'
  const open = () => createServer({ backplane: sqlite({ file: process.argv[2] }), logger: silentLogger })
  async function main() {
    const first = open()
    await first.room('r').chat.send('hello')
    await first.close()
    const second = open()
    console.log((await second.room('r').history()).messages.length)
    await second.close()
  }
  main()`

/** Sends a message by a bundle of createRest that sees no globals of Node, and reads it. */
const BARE = `
  import { readFile } from 'node:fs/promises'
  import { createServer as createHttpServer } from 'node:http'
  import { createContext, runInContext } from 'node:vm'
  import { bearer, createServer, memory, silentLogger } from '@roomful/server'
  const key = 'a-key-of-the-test,-of-32-or-more'
  const server = createServer({ backplane: memory(), logger: silentLogger })
  const http = createHttpServer(server.http({ authenticate: bearer(key) }).node)
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = 'http://127.0.0.1:' + http.address().port + '/api'
  const web = createContext({ fetch, crypto, URL, URLSearchParams, AbortSignal, TextDecoder, setTimeout, options: { url, key } })
  runInContext(await readFile('rest.iife.js', 'utf8'), web)
  const room = runInContext('Roomful.createRest(options).room("r")', web)
  const { offset } = await room.chat.send('hello')
  const { messages } = await room.history()
  console.log(offset, messages[0].message)
  http.closeAllConnections()
  http.close()
  await server.close()`

/** Has two clients chat that are made by the `createClient` of an entry or a bundle. */
async function chat(entry: string): Promise<string> {
  await writeFile(
    join(project, 'chat.mjs'),
    `import { createServer } from '@roomful/server'
     import { WebSocket } from 'ws'
     import { createClient } from '${entry}'
     import roundtrip from './roundtrip.cjs'
     await roundtrip({ createServer, createClient, WebSocket })`,
  )
  return node('chat.mjs')
}

/** As an application's bundler does it. */
const bundle = (contents: string, options: BuildOptions = {}) =>
  build({
    ...options,
    stdin: { contents, resolveDir: project },
    bundle: true,
    minify: true,
    platform: 'browser',
    format: options.format ?? 'esm',
    write: false,
    metafile: true,
  })

const bundled = async (contents: string, options?: BuildOptions): Promise<string> =>
  (await bundle(contents, options)).outputFiles[0]?.text ?? ''

async function pack(name: Name): Promise<Packed> {
  const args = ['pack', '--json', '--pack-destination', project, '-w', `packages/${name}`]
  const { stdout } = await run('npm', args, { cwd: root })
  return JSON.parse(stdout)[0]
}

async function subPaths(name: Name): Promise<string[]> {
  const { exports } = JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8'))
  const modules = Object.keys(exports).filter((path) => !/\.js(on)?$/.test(path))
  return modules.map((path) => path.replace('.', `@roomful/${name}`))
}

const node = async (...args: string[]) =>
  (await run(process.execPath, args, { cwd: project, timeout: 60_000 })).stdout

/** The error of a failed process carries what it printed, which vitest does not show. */
async function rootBin(name: string, ...args: string[]): Promise<void> {
  await run(join(root, 'node_modules/.bin', name), args, { cwd: project }).catch((error) => {
    throw new Error(`${name} ${args.join(' ')}\n${error.stdout}${error.stderr}`)
  })
}
