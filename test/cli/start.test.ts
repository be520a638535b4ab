import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

// A copy of the project whose build script is a fake: the real build would delete packages that other tests are using.
async function copyWithBuild(build: string): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'roomful-start-')))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, scripts: { start: scripts.start, build: 'node build.mjs' } }),
  )
  await writeFile(join(folder, 'build.mjs'), build)
  await mkdir(join(folder, 'scripts'))
  for (const script of ['start.mjs', 'better-sqlite3.ts'])
    await copyFile(join(root, 'scripts', script), join(folder, 'scripts', script))
  for (const part of ['packages', 'node_modules']) await symlink(join(root, part), join(folder, part))
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

it('npm start names its file, prints its address in fewer than ten lines, and SIGTERM ends the server, not npm alone', {
  timeout: 60_000,
}, async () => {
  const folder = await copyWithBuild('for (let line = 0; line < 300; line++) console.log(line)')
  const started = npmStart(folder)
  await expect.poll(() => started.output, { timeout: 20_000 }).toMatch(/Roomful is at \S+ /)
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
  const started = npmStart(await copyWithBuild("console.log('a type is wrong'); process.exit(2)"))
  await once(started.process, 'close')
  expect(started.process.exitCode).toBe(1)
  expect(started.output).toContain('a type is wrong')
  expect(started.output).not.toContain('Roomful is at')
})
