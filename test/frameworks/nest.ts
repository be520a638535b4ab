import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Room } from '@roomful/client'
import { WebSocket } from 'ws'
import { type Figure, writeResult } from '../support/results.js'
import { freePort, prepareApp, publishByHttp, quiet, shell } from './packed.js'

// The NestJS app of docs/frameworks.md, from packed packages: one port, with HTTP answered by NestJS.

const PATIENCE_MS = 30_000
const port = await freePort()
const parent = await realpath(await mkdtemp(join(tmpdir(), 'roomful-nest-')))
const folder = join(parent, 'app')
const figures: Figure[] = []
const API_KEY = 'k'.repeat(32)

try {
  await prepareApp(new URL('nest', import.meta.url), parent)
  await shell('npm install ../roomful/*.tgz', folder)
  await writeFile(join(folder, 'main.ts'), await recipe())
  await shell('npx tsc -p .', folder)
  const app = spawn(process.execPath, ['--import', 'tsx', 'main.ts'], {
    cwd: folder,
    env: { ...quiet(), PORT: `${port}`, API_KEY },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await started(app)
    await chat(app)
  } finally {
    app.kill('SIGKILL')
  }
} finally {
  await rm(parent, { recursive: true, force: true })
}
const { packages } = JSON.parse(await readFile(new URL('nest/package-lock.json', import.meta.url), 'utf8'))
const title = `The recipe for NestJS ${packages['node_modules/@nestjs/core'].version}`
writeResult('nest', title, 'npm run test:frameworks', figures)

/** The file that docs/frameworks.md shows, to the letter. */
async function recipe(): Promise<string> {
  const page = await readFile(new URL('../../docs/frameworks.md', import.meta.url), 'utf8')
  const [, code] = /^## NestJS\n.*?^```ts\n(.*?)^```$/ms.exec(page) ?? []
  assert.ok(code, 'docs/frameworks.md shows no TypeScript for NestJS')
  return code
}

/** What it prints is read on to the end: an app whose output nobody takes would stand still. */
async function started(app: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    app.stdout?.on('data', (chunk) => String(chunk).includes('successfully started') && resolve())
    app.once('exit', () => reject(new Error('The app ended before it had started')))
  })
}

async function chat(app: ChildProcess): Promise<void> {
  const [ann, bob] = [dial(), dial()]
  const heard = hears(bob.room('lobby'), 'from ann')
  const heardByHttp = hears(bob.room('lobby'), 'by HTTP')
  await Promise.all([ann.room('lobby').join(), bob.room('lobby').join()])
  await ann.room('lobby').send('from ann')
  assert.equal(await heard, 'from ann')
  figures.push(['messages of one client that another one got', 1])
  const response = await fetch(`http://localhost:${port}/stats`)
  const { connections } = (await response.json()) as { connections: number }
  assert.deepEqual([response.status, connections], [200, 2])
  figures.push(['connections, by a controller of NestJS on the same port', connections])
  const published = await publishByHttp(`http://localhost:${port}/api/rooms/lobby`, API_KEY, 'by HTTP')
  assert.deepEqual(published, { status: 200, refusedStatus: 401 })
  assert.equal(await heardByHttp, 'by HTTP')
  figures.push(['messages that the HTTP API published and a client got', 1])
  const refused = await refusedStatus('/wsx')
  assert.equal(refused, 404)
  figures.push(['what a WebSocket at /wsx gets: HTTP', refused])
  ann.close()
  bob.close()
  await shutDown(app)
}

/** A connection that stands when SIGTERM comes is closed with the code that has clients come back elsewhere. */
async function shutDown(app: ChildProcess): Promise<void> {
  const last = new WebSocket(`ws://localhost:${port}/ws`)
  await once(last, 'message')
  const closed = once(last, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) })
  const exited = once(app, 'exit', { signal: AbortSignal.timeout(PATIENCE_MS) })
  app.kill('SIGTERM')
  const [code] = await closed
  assert.equal(code, 1012)
  figures.push(['close code of a connection after SIGTERM', String(code)])
  const [exitCode, signal] = await exited
  assert.ok(exitCode === 0 || signal === 'SIGTERM')
  figures.push(['the process ended by', signal ?? `exit code ${exitCode}`])
}

async function refusedStatus(path: string): Promise<number> {
  const socket = new WebSocket(`ws://localhost:${port}${path}`)
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response')
  return response.statusCode
}

function hears(room: Room, text: string): Promise<string> {
  return new Promise((resolve) => {
    room.on('chat_message', ({ message }) => message === text && resolve(message))
  })
}

function dial() {
  return createClient({ url: `ws://localhost:${port}/ws`, WebSocket })
}
