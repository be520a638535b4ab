import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build as esbuild } from 'esbuild'
import { build as buildPackage, type Options } from 'tsup'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import configs from '../tsup.config.js'

let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'roomful-protocol-'))
  const here = fileURLToPath(new URL('..', import.meta.url))
  for (const [name, config] of builds) {
    await buildPackage({
      ...config,
      entry: (config.entry as string[]).map((path) => join(here, path)),
      config: false,
      dts: false,
      minify: false,
      external: ['zod/mini'],
      outDir: join(root, name),
      silent: true,
    })
  }
  await writeFile(join(root, 'package.json'), JSON.stringify({ type: 'module', sideEffects: false }))
}, 60_000)

afterAll(() => rm(root, { recursive: true, force: true }))

async function bundleOf(build: string, code: string): Promise<string> {
  const { outputFiles } = await esbuild({
    stdin: { contents: code, resolveDir: join(root, build) },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['zod/mini'],
  })
  return outputFiles[0]?.text ?? ''
}

const [full, production] = configs as [Options, Options]
const builds = [
  ['full', full],
  ['production', production],
] as const

describe.each(builds)('a browser bundle of the %s build', (build) => {
  const bundle = (code: string) => bundleOf(build, code)

  it.each([
    [
      'defineProtocol from the root',
      `import { defineProtocol } from './index.js'; console.log(defineProtocol({}))`,
    ],
    ['a table from the root', `import { CLOSE_CODES } from './index.js'; console.log(CLOSE_CODES)`],
    ['all of /define', `export * from './define-protocol.js'`],
    ['all of /wire', `export * from './wire.js'`],
  ])('a browser bundle with %s carries no zod', async (_, code) => {
    expect(await bundle(code)).not.toContain('zod/mini')
  })

  it('a browser bundle with a schema does, so that the test can tell', async () => {
    expect(await bundle(`import { ClientMessage } from './index.js'; console.log(ClientMessage)`)).toContain(
      'zod/mini',
    )
  })

  it('a browser bundle pays less than 5 kB, compressed, for all of /wire', async () => {
    expect(gzipSync(await bundle(`export * from './wire.js'`)).length).toBeLessThan(5_000)
  })

  it('a browser bundle calls neither eval nor Function, which a Content-Security-Policy may forbid', async () => {
    expect(await bundle(`export * from './wire.js'; export * from './define-protocol.js'`)).not.toMatch(
      /\beval\(|\bFunction\(/,
    )
  })
})

describe('the production build', () => {
  it.each(['Too many rooms', 'Slow consumer'])(
    'the production build carries the text “%s” only for who asks for the table',
    async (text) => {
      const client = `import { closeCode, decodeServerMessage, RoomfulError } from './wire.js'
      console.log(closeCode(4005), decodeServerMessage('{}'), new RoomfulError('room_limit'))`
      expect(await bundleOf('full', client)).toContain(text)
      expect(await bundleOf('production', client)).not.toContain(text)
      const tables = `import { CLOSE_CODES, ERRORS } from './wire.js'; console.log(CLOSE_CODES, ERRORS)`
      expect(await bundleOf('production', tables)).toContain(text)
    },
  )

  it('the production build has the same tables, codes and verdicts, and shorter texts', async () => {
    const [long, short] = await Promise.all(
      builds.map(([name]) => import(pathToFileURL(join(root, name, 'wire.js')).href)),
    )
    expect(short.ERRORS).toEqual(long.ERRORS)
    expect(short.CLOSE_CODES).toEqual(long.CLOSE_CODES)
    for (const code of Object.keys(long.ERRORS)) {
      const [other, error] = [new long.RoomfulError(code), new short.RoomfulError(code)]
      expect([error.code, error.temporary]).toEqual([other.code, other.temporary])
      expect([code, other.message]).toContain(error.message)
    }
    expect(new short.RoomfulError('message_too_long').message).toBe('Message too long')
    for (let code = 1000; code < 5000; code++) {
      expect({ ...short.closeCode(code), reason: '' }).toEqual({ ...long.closeCode(code), reason: '' })
      expect(short.closeCode(code).reason).toBe(
        code === 1006 ? 'Connection lost' : `Closed with code ${code}`,
      )
    }
  })
})
