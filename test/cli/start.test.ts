import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { isBuilt } from '../../scripts/is-built.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

// A copy of the project whose build script is a fake: the real build would delete packages that other tests are using.
// Without sources, what is built is newer than they are.
async function copyWithBuild(build: string, { built }: { readonly built: boolean }): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'roomful-start-')))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, scripts: { start: scripts.start, build: 'node build.mjs' } }),
  )
  await writeFile(join(folder, 'build.mjs'), build)
  await mkdir(join(folder, 'scripts'))
  for (const script of ['start.mjs', 'is-built.mjs', 'better-sqlite3.ts'])
    await copyFile(join(root, 'scripts', script), join(folder, 'scripts', script))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const name of built ? ['protocol', 'client', 'server'] : []) {
    await mkdir(join(folder, 'packages', name), { recursive: true })
    await symlink(join(root, 'packages', name, 'dist'), join(folder, 'packages', name, 'dist'))
  }
  return folder
}

function npmStart(folder: string) {
  const started = {
    process: spawn('npm', ['start'], { cwd: folder, detached: true, env: { ...process.env, PORT: '0' } }),
    output: '',
  }
  for (const stream of [started.process.stdout, started.process.stderr])
    stream.on('data', (data) => {
      started.output += data
    })
  onTestFinished(() => {
    if (started.process.pid === undefined) return
    // The whole group: what npm left running is what this test looks for.
    try {
      process.kill(-started.process.pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  })
  return started
}

it('npm start builds nothing that is built, names its file, prints its address in fewer than ten lines, and SIGTERM ends the server, not npm alone', {
  timeout: 120_000,
}, async () => {
  const folder = await copyWithBuild("console.log('it builds'); process.exit(1)", { built: true })
  const started = npmStart(folder)
  await expect.poll(() => started.output, { timeout: 40_000 }).toMatch(/Roomful is at \S+ /)
  expect(started.output).not.toContain('Building')
  expect(started.output.trim().split('\n').length).toBeLessThan(10)
  expect(started.output).toContain(`kept in ${join(folder, '.roomful/roomful.db')}\n`)
  const url = /Roomful is at (\S+)/.exec(started.output)?.[1] ?? ''
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  started.process.kill('SIGTERM')
  await expect.poll(() => started.output, { timeout: 20_000 }).toContain('Draining…')
  await expect
    .poll(
      () =>
        fetch(url).then(
          () => 'up',
          () => 'down',
        ),
      { timeout: 30_000 },
    )
    .toBe('down')
})

it('npm start shows what the build said where it failed, and serves nothing', async () => {
  const started = npmStart(
    await copyWithBuild("console.log('a type is wrong'); process.exit(2)", { built: false }),
  )
  await once(started.process, 'close')
  expect(started.process.exitCode).toBe(1)
  expect(started.output).toContain('a type is wrong')
  expect(started.output).not.toContain('Roomful is at')
})

it('npm start builds again what is older than a source, what is there in part, and what a deleted file was in', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-built-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const touch = async (path: string, second: number) => {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), '')
    await utimes(join(folder, path), second, second)
  }
  const results = [
    'packages/protocol/dist/index.js',
    'packages/client/dist/roomful.global.js',
    'packages/server/dist/cli.js',
    'packages/server/dist/demo/roomful.global.js',
  ]
  const source = 'packages/server/src/api/hooks.ts'
  const age = async () => {
    await touch(source, 1_000)
    for (const path of ['packages/server/src/api', 'packages/server/src'])
      await utimes(join(folder, path), 1_000, 1_000)
    for (const result of results) await touch(result, 2_000)
  }
  await age()
  expect(isBuilt(folder)).toBe(true)
  await touch(source, 3_000)
  expect(isBuilt(folder)).toBe(false)
  await age()
  await rm(join(folder, source))
  expect(isBuilt(folder)).toBe(false)
  for (const result of results) {
    await age()
    await rm(join(folder, result))
    expect(isBuilt(folder), result).toBe(false)
  }
})
