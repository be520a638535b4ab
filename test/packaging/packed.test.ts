import { execFile } from 'node:child_process'
import { copyFile, cp, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { launchChromium } from '../support/chromium.js'

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
  it('ships its build, types, licence and readme, and no sources', () => {
    const paths = packed[name].files.map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.cts']),
    )
    expect(paths.filter((path) => /^(src|test)\/|\.config\.|tsconfig/.test(path))).toEqual([])
  })

  it('is clean by publint', () => rootBin('publint', 'run', join(project, packed[name].filename), '--strict'))

  it('has types that resolve as its code does', () =>
    rootBin(
      'attw',
      join(project, packed[name].filename),
      '--profile',
      'node16',
      '--exclude-entrypoints',
      'roomful.global.js',
    ))

  it('loads by every sub-path, as ESM and as CommonJS', async () => {
    const paths = await subPaths(name)
    expect(paths).toContain(`@roomful/${name}`)
    await node('--input-type=module', '-e', paths.map((path) => `import '${path}'`).join('\n'))
    await node('--input-type=commonjs', '-e', paths.map((path) => `require('${path}')`).join('\n'))
  })
})

describe('the three, installed in an empty project', () => {
  it.each(['esm.mjs', 'cjs.cjs'])('chat, and the process ends by itself (%s)', async (file) => {
    expect(await node(file)).toBe('hello\n')
  })

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

  it('bundle for the browser without zod, Node modules or eval', async () => {
    const stdin = { contents: `export * from '@roomful/client'`, resolveDir: project }
    const { metafile, outputFiles } = await build({
      stdin,
      bundle: true,
      platform: 'browser',
      format: 'esm',
      write: false,
      metafile: true,
    })
    expect(Object.keys(metafile.inputs).filter((path) => path.includes('node_modules/zod/'))).toEqual([])
    expect(outputFiles[0]?.text).not.toMatch(/\beval\(|new Function\(/)
  })

  it('give a script tag the global `Roomful`', async () => {
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      await page.addScriptTag({ path: join(project, 'node_modules/@roomful/client/dist/roomful.global.js') })
      expect(await page.evaluate('typeof Roomful.createClient')).toBe('function')
    } finally {
      await browser.close()
    }
  })

  it('bring the `roomful` command', async () => {
    expect(await node('node_modules/.bin/roomful', '--help')).toContain('roomful')
  })
})

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
