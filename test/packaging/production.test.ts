import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { signedFor } from '../support/certificate.js'
import { launchChromium } from '../support/chromium.js'
import { Cli } from '../support/cli.js'
import { Creator, npm } from '../support/created-app.js'
import { freePort } from '../support/free-port.js'
import { startNginxWith } from '../support/nginx.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
let page: string
let creator: Creator
let folder: string
let settings: Record<string, string>

/** The program that the page shows under this name. */
function fileOf(name: string): string {
  const [, text] = page.split(`\n\`${name}\``)[1]?.match(/```\w+\n(.*?)^```$/ms) ?? []
  if (!text) throw new Error(`docs/production.md does not show ${name}`)
  return text
}

/** Changes a file of the app. @throws Error if that has no such text */
async function replace(name: string, text: string | RegExp, by: string): Promise<void> {
  const file = join(folder, name)
  const before = await readFile(file, 'utf8')
  const after = before.replace(text, by)
  if (after === before) throw new Error(`${name} does not have ${text}`)
  await writeFile(file, after)
}

beforeAll(async () => {
  page = await readFile(join(root, 'docs/production.md'), 'utf8')
  creator = await Creator.pack()
  await creator.create('chat')
  folder = join(creator.parent, 'chat')
  await creator.install(folder, 'jose')
  for (const name of ['rooms.ts', 'token.ts', 'sign.ts', 'backup.ts'])
    await writeFile(join(folder, name), fileOf(name))
  await replace('page.ts', /^/, "import { token } from './token.js'\n")
  await replace(
    'page.ts',
    "createClient({ url: '/ws', protocol })",
    "createClient({ url: '/ws', protocol, token })",
  )
  await replace('server.ts', /^/, "import { backUpDaily } from './backup.js'\n")
  await replace('server.ts', 'await server.start()\n', "$&backUpDaily(store, join(DATA, 'backup'))\n")
  await npm(folder, 'run', 'build')
  const [, lines = ''] = page.match(/^sudo tee -a \/etc\/chat\.env >\/dev\/null <<END\n(.*?)^END$/ms) ?? []
  settings = Object.fromEntries(
    lines
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/)),
  )
  const data = await mkdtemp(join(tmpdir(), 'roomful-data-'))
  settings = { ...settings, DATA: data, PORT: `${await freePort()}`, AUTH_SECRET: 'x'.repeat(64) }
})

afterAll(async () => {
  await rm(settings.DATA ?? '', { recursive: true, force: true })
  await creator.remove()
})

/** What the unit starts, from elsewhere. */
async function start() {
  const [, program = ''] =
    fileOf('/etc/systemd/system/chat.service').match(/^ExecStart=\/usr\/bin\/node (.*)$/m) ?? []
  const server = spawn(process.execPath, program.split(' '), {
    cwd: folder,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(server, 'exit')
  onTestFinished(async () => {
    server.kill('SIGKILL')
    await exited
  })
  await once(server.stdout, 'data')
  return { server, exited }
}

/** Who is logged in there is up to the test. */
async function startSite(who: () => string | undefined) {
  const site = createHttpServer(async (_, response) => {
    const userId = who()
    if (userId) response.end((await sign(userId)).trim())
    else response.writeHead(401).end()
  })
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void site.close().closeAllConnections())
  return (site.address() as AddressInfo).port
}

async function sign(userId: string): Promise<string> {
  const { AUTH_SECRET } = settings
  const args = ['--import', 'tsx', 'sign.ts', userId]
  const { stdout } = await run(process.execPath, args, { cwd: folder, env: { ...process.env, AUTH_SECRET } })
  return stdout
}

async function startNginx(sitePort: number, certificate: string) {
  const nginx = await startNginxWith((port) =>
    fileOf('/etc/nginx/conf.d/chat.conf')
      .replace(/ *listen \[::].*\n/g, '')
      .replace('listen 80;', `listen 127.0.0.1:${port + 1};`)
      .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
      .replace('/etc/letsencrypt/live/chat.example.com/fullchain.pem', join(certificate, 'cert.pem'))
      .replace('/etc/letsencrypt/live/chat.example.com/privkey.pem', join(certificate, 'key.pem'))
      .replace('127.0.0.1:3000', `127.0.0.1:${settings.PORT}`)
      .replace('127.0.0.1:8080', `127.0.0.1:${sitePort}`),
  )
  onTestFinished(() => nginx.stop())
  return nginx
}

it('the tests of a created app pass with the users of docs/production.md', async () => {
  expect(await npm(folder, 'test')).toContain('pass 2')
})

it('docs/production.md, followed to the letter, serves users who are logged in, over TLS and over a restart', async () => {
  const certificate = await signedFor('IP:127.0.0.1', 90)
  onTestFinished(() => certificate.remove())
  let user: string | undefined
  const first = await start()
  const nginx = await startNginx(await startSite(() => user), dirname(certificate.authority))
  const address = `https://127.0.0.1:${nginx.port}/`

  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  const tab = await browser.newPage({ ignoreHTTPSErrors: true })
  await tab.goto(address)
  await tab.getByRole('status').getByText('Please log in').waitFor()
  user = 'ana'
  await tab.reload()
  await tab.getByRole('status').getByText('Connected', { exact: true }).waitFor()
  expect((await tab.request.get(`${address}metrics`)).status()).toBe(404)

  const token = (await sign('verify')).trim()
  const args = [
    'verify',
    `wss://127.0.0.1:${nginx.port}/ws`,
    '--token',
    token,
    '--seconds',
    '10',
    '--idle',
    '0',
    '--json',
  ]
  const verify = new Cli(args, { NODE_EXTRA_CA_CERTS: certificate.authority })
  // The page's, and those of the clients that talk.
  await expect.poll(connections, { timeout: 60_000 }).toBeGreaterThan(4)
  const stoppedAt = performance.now()
  first.server.kill('SIGTERM')
  expect(await first.exited).toEqual([0, null])
  expect(performance.now() - stoppedAt).toBeLessThan(10_000)
  await start()
  const { code, stdout } = await verify.exit()
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({
    findings: [],
    trial: { lost: 0, forgotten: 0, duplicated: 0, holes: 0, breaks: 0 },
  })
  expect(report.trial.endings['1012']).toBeGreaterThan(0)
  expect(code).toBe(0)
  expect(await readdir(join(settings.DATA ?? '', 'backup'))).toEqual([expect.stringMatching(/^[0-6]\.db$/)])
})

async function connections(): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${settings.PORT}/metrics`)).text()
  return Number(/^roomful_connections (\d+)$/m.exec(metrics)?.[1])
}
