import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { build as buildPackage } from 'tsup'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import config from '../tsup.config.js'

let dist: string

beforeAll(async () => {
  dist = await mkdtemp(join(tmpdir(), 'roomful-protocol-'))
  if (Array.isArray(config) || typeof config === 'function') throw new TypeError('Expected one configuration')
  const here = fileURLToPath(new URL('..', import.meta.url))
  const entry = (config.entry as string[]).map((path) => join(here, path))
  await buildPackage({
    ...config,
    entry,
    config: false,
    dts: false,
    external: ['zod/mini'],
    outDir: dist,
    silent: true,
  })
  await writeFile(join(dist, 'package.json'), JSON.stringify({ type: 'module', sideEffects: false }))
}, 60_000)

afterAll(() => rm(dist, { recursive: true, force: true }))

async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: dist },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['zod/mini'],
  })
  return outputFiles[0]?.text ?? ''
}

describe('a browser bundle', () => {
  it.each([
    [
      'defineProtocol from the root',
      `import { defineProtocol } from './index.js'; console.log(defineProtocol({}))`,
    ],
    ['a table from the root', `import { CLOSE_CODES } from './index.js'; console.log(CLOSE_CODES)`],
    ['all of /define', `export * from './define-protocol.js'`],
    ['all of /wire', `export * from './wire.js'`],
  ])('with %s carries no zod', async (_, code) => {
    expect(await bundle(code)).not.toContain('zod/mini')
  })

  it('with a schema does, so that the test can tell', async () => {
    expect(await bundle(`import { ClientMessage } from './index.js'; console.log(ClientMessage)`)).toContain(
      'zod/mini',
    )
  })

  it('pays less than 5 kB, compressed, for all of /wire', async () => {
    expect(gzipSync(await bundle(`export * from './wire.js'`)).length).toBeLessThan(5_000)
  })

  it('calls neither eval nor Function, which a Content-Security-Policy may forbid', async () => {
    expect(await bundle(`export * from './wire.js'; export * from './define-protocol.js'`)).not.toMatch(
      /\beval\(|\bFunction\(/,
    )
  })
})
