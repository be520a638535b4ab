import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { signedFor } from '../support/certificate.js'
import { launchChromium } from '../support/chromium.js'
import { Cli } from '../support/cli.js'
import { Creator, npm } from '../support/created-app.js'
import { freePort } from '../support/free-port.js'
import { startNginxWith } from '../support/nginx.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

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

/** What comes after the first verification: users, and backups. */
async function addUsers(): Promise<void> {
  for (const name of ['users.ts', 'token.ts', 'sign.ts', 'site.ts', 'backup.ts'])
    await writeFile(join(folder, name), fileOf(name))
  await replace('page.ts', /^/, "import { token } from './token.js'\n")
  await replace(
    'page.ts',
    "createClient({ url: '/ws', protocol })",
    "createClient({ url: '/ws', protocol, token })",
  )
  const [, link = 'no link'] = /`(Object\.assign\(document.*?)`/.exec(page) ?? []
  await replace('page.ts', "'Please log in'", link)
  await replace('server.ts', /^/, "import { usersBy } from './users.js'\n")
  await replace(
    'server.ts',
    'createServer({ ...rooms, ',
    'createServer({ ...rooms, ...usersBy(process.env.AUTH_SECRET), ',
  )
  await replace('server.ts', /^/, "import { backUpDaily } from './backup.js'\n")
  await replace('server.ts', 'await server.start()\n', "$&backUpDaily(store, join(DATA, 'backup'))\n")
  await npm(folder, 'run', 'build')
}

afterAll(async () => {
  await rm(settings.DATA ?? '', { recursive: true, force: true })
  await creator.remove()
})

/** What the unit starts, from elsewhere; with another program, what the unit made of it does. */
async function start(program = 'server.ts') {
  const [, args = ''] =
    fileOf('/etc/systemd/system/chat.service').match(/^ExecStart=\/usr\/bin\/node (.*)$/m) ?? []
  const child = spawn(process.execPath, args.replace('server.ts', program).split(' '), {
    cwd: folder,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { child, exited, printed: once(child.stdout, 'data') }
}

async function startServer() {
  const server = await start()
  expect(await Promise.race([server.printed, server.exited.then(() => 'exited')])).not.toBe('exited')
  return server
}

async function startNginx() {
  const certificate = await signedFor('IP:127.0.0.1', 90)
  onTestFinished(() => certificate.remove())
  const folder = dirname(certificate.authority)
  const plain = await freePort()
  const nginx = await startNginxWith((port) =>
    fileOf('/etc/nginx/conf.d/chat.conf')
      .replace(/ *listen \[::].*\n/g, '')
      .replace('listen 80;', `listen 127.0.0.1:${plain};`)
      .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
      .replace('/etc/letsencrypt/live/chat.example.com/fullchain.pem', join(folder, 'cert.pem'))
      .replace('/etc/letsencrypt/live/chat.example.com/privkey.pem', join(folder, 'key.pem'))
      .replace('127.0.0.1:3000', `127.0.0.1:${settings.PORT}`)
      .replace('127.0.0.1:8080', `127.0.0.1:${settings.SITE_PORT}`),
  )
  onTestFinished(() => nginx.stop())
  const env: Record<string, string> = { NODE_EXTRA_CA_CERTS: certificate.authority }
  const verify = (...more: string[]) =>
    new Cli(['verify', `wss://127.0.0.1:${nginx.port}/ws`, '--idle', '0', '--json', ...more], env)
  return { address: `https://127.0.0.1:${nginx.port}/`, verify }
}

it('[C5] docs/production.md, followed to its first verification, serves everybody over TLS', async () => {
  settings.SITE_PORT = `${await freePort()}`
  await startServer()
  const { verify } = await startNginx()
  const { code, stdout } = await verify('--seconds', '5').exit()
  expect(JSON.parse(stdout)).toMatchObject({ findings: [] })
  expect(code).toBe(0)
})

it('docs/production.md, followed to the letter, serves users who are logged in, over TLS and over a restart', async () => {
  await addUsers()
  expect(await npm(folder, 'test'), 'the tests of the created app').toContain('pass 2')
  Object.assign(settings, { SITE_PORT: `${await freePort()}`, SITE_PASSWORD: 'a password' })
  const first = await startServer()
  await start('site.ts')
  const { address, verify: verifyWith } = await startNginx()

  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  const tab = await browser.newPage({ ignoreHTTPSErrors: true })
  // While the log-in starts, its route answers 502.
  await expect
    .poll(async () => (await tab.request.get(`${address}api/token`)).status(), { timeout: 60_000 })
    .toBe(401)
  await tab.goto(address)
  await tab.getByRole('link', { name: 'Please log in' }).click()
  await tab.getByPlaceholder('Name').fill('ana')
  await tab.getByPlaceholder('Password').fill('a password')
  await tab.getByRole('button').click()
  await tab.getByRole('status').getByText('Connected', { exact: true }).waitFor()
  expect((await tab.request.get(`${address}metrics`)).status()).toBe(404)
  const wrong = { form: { name: 'eve', password: 'wrong' }, maxRedirects: 0 }
  expect((await tab.request.post(`${address}api/login`, wrong)).status()).toBe(403)

  const token = await (await tab.request.get(`${address}api/token`)).text()
  const verify = verifyWith('--token', token, '--seconds', '10')
  // The page's, and those of the clients that talk.
  await expect.poll(connections, { timeout: 60_000 }).toBeGreaterThan(4)
  const stoppedAt = performance.now()
  first.child.kill('SIGTERM')
  expect(await first.exited).toEqual([0, null])
  expect(performance.now() - stoppedAt).toBeLessThan(10_000)
  await startServer()
  const { code, stdout } = await verify.exit()
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({
    findings: [],
    trial: { lost: 0, forgotten: 0, duplicated: 0, holes: 0, breaks: 0 },
  })
  expect(report.trial.endings['1012']).toBeGreaterThan(0)
  expect(code).toBe(0)
  expect(await readdir(join(settings.DATA ?? '', 'backup'))).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\d\.db$/),
  ])
})

async function connections(): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${settings.PORT}/metrics`)).text()
  return Number(/^roomful_connections (\d+)$/m.exec(metrics)?.[1])
}
