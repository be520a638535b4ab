import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.js'
import { Demo, faultsOf } from '../support/demo.js'
import { installDriver } from '../support/driver.js'
import { type Figure, writeResult } from '../support/results.js'
import { shell } from './packed.js'

// The examples with Vite as somebody has them who copied their folder: outside of the repository, with packed packages and the
// newest versions of everything else. The compilers of Vue and Svelte check the types, which this repository's cannot.

const EXAMPLES = {
  'vite-react': { check: 'tsc -p .', compiler: {} },
  vue: { check: 'vue-tsc -p .', compiler: { 'vue-tsc': '^3.3.0' } },
  svelte: { check: 'svelte-check --fail-on-warnings', compiler: { 'svelte-check': '^4.7.0' } },
  solid: { check: 'tsc -p .', compiler: {} },
}
const TYPES = { typescript: '5.9.3', '@types/node': '^20.19.0' }
const PACKAGES = ['protocol', 'server', 'client']

const root = fileURLToPath(new URL('../..', import.meta.url))
const parent = await realpath(await mkdtemp(join(tmpdir(), 'roomful-vite-')))
const browser = await launchChromium()
const figures: Figure[] = []
process.env.DATA = join(parent, 'data')

try {
  await shell(
    `npm pack ${PACKAGES.map((name) => `-w packages/${name}`).join(' ')} --pack-destination ${parent}`,
    root,
  )
  for (const [name, { check, compiler }] of Object.entries(EXAMPLES)) {
    const folder = await copy(name, compiler)
    await shell(`npx ${check}`, folder)
    figures.push([`${name}: errors of types`, 0])
    await shell('npx vite build', folder)
    await chat(name, folder)
  }
} finally {
  await browser.close()
  await rm(parent, { recursive: true, force: true })
}
const title = `The examples with Vite, copied out of the repository, in Chromium ${browser.version()}`
writeResult('vite', title, 'npm run test:frameworks', figures)

/** Copies an example, and installs what its package.json names, and a compiler. */
async function copy(name: string, compiler: Record<string, string>): Promise<string> {
  const folder = join(parent, name)
  const isSource = (path: string) => !/\/(node_modules|dist|data|test)$/.test(path)
  await cp(join(root, 'examples', name), folder, { recursive: true, filter: isSource })
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  for (const pkg of PACKAGES) manifest.dependencies[`@roomful/${pkg}`] = `file:../roomful-${pkg}-0.0.0.tgz`
  Object.assign(manifest.devDependencies, TYPES, compiler)
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'tsconfig.json'), await tsconfig())
  await shell('npm install --no-audit --no-fund', folder)
  await installDriver(folder)
  return folder
}

/** That of the apps which `npm create @roomful` makes, for a bundler. */
async function tsconfig(): Promise<string> {
  const file = new URL('../../packages/create/templates/shared/tsconfig.json', import.meta.url)
  const { compilerOptions } = JSON.parse(await readFile(file, 'utf8'))
  return JSON.stringify({
    compilerOptions: { ...compilerOptions, module: 'ESNext', moduleResolution: 'Bundler' },
  })
}

/** Two pages, of which one sees what the other one writes. */
async function chat(name: string, folder: string): Promise<void> {
  const server = new Demo('--import', 'tsx', join(folder, 'server.ts'))
  await server.start()
  try {
    const [ann, bob] = [await open(server.url, 'Ann'), await open(server.url, 'Bob')]
    await ann.page.getByLabel('Message', { exact: true }).fill('from ann')
    await ann.page.keyboard.press('Enter')
    await bob.page.getByRole('log').getByText('from ann').waitFor()
    assert.deepEqual([...ann.faults, ...bob.faults], [])
    figures.push([`${name}: pages that got a message which the other one wrote`, 1])
  } finally {
    for (const context of browser.contexts()) await context.close()
    await server.kill()
  }
}

/** Opens a page, and logs in where it asks for a name. */
async function open(url: string, name: string): Promise<{ page: Page; faults: string[] }> {
  const page = await (await browser.newContext()).newPage()
  const faults = faultsOf(page)
  await page.goto(url)
  const [field, composer] = [page.getByLabel('What shall we call you?'), page.getByRole('log')]
  await field.or(composer).first().waitFor()
  if (await field.isVisible()) {
    await field.fill(name)
    await page.keyboard.press('Enter')
  }
  await composer.waitFor()
  return { page, faults }
}
