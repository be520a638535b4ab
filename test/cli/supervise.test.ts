import { networkInterfaces } from 'node:os'
import { expect, it, onTestFinished } from 'vitest'
import { Cli } from '../support/cli.js'

const LONG = { timeout: 60_000 }

function run(...args: readonly string[]): Cli {
  const cli = new Cli(['--port', '0', ...args])
  onTestFinished(() => cli.kill('SIGKILL'))
  return cli
}

const isUp = (url: string) =>
  fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )

it('a supervised server ends when its supervisor is killed, which can tell it nothing', LONG, async () => {
  const cli = run('--memory', '--supervise')
  const url = await cli.url()
  expect(await isUp(url)).toBe(true)
  cli.kill('SIGKILL')
  await expect.poll(() => isUp(url), { timeout: 20_000 }).toBe(false)
})

it('a supervisor passes signals on, and ends as its server does', LONG, async () => {
  const cli = run('--memory', '--supervise')
  const url = await cli.url()
  cli.kill('SIGINT')
  expect((await cli.exit()).code).toBe(0)
  expect(await isUp(url)).toBe(false)
})

it('a supervisor does not start a server again that says why it cannot run', LONG, async () => {
  const { code, stderr } = await run('--supervise', '--memory', '--data', 'x').exit()
  expect(code).toBe(1)
  expect(stderr.match(/contradict/g)).toHaveLength(1)
})

it('a server on all addresses says where other devices find it', LONG, async () => {
  const cli = run('--memory', '--host', '0.0.0.0')
  const url = await cli.url()
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  const { port } = new URL(url)
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
  for (const { address } of addresses) expect(cli.stdout).toContain(`http://${address}:${port}\n`)
})

it('the demo page is served compressed to those who take it so, and as it is to others', LONG, async () => {
  const url = await run('--memory').url()
  const get = (accepted: string) =>
    fetch(`${url}/roomful.global.js`, { headers: { 'accept-encoding': accepted } })
  const zipped = await get('br, gzip;q=0.8')
  expect(zipped.headers.get('content-encoding')).toBe('gzip')
  expect(zipped.headers.get('vary')).toBe('accept-encoding')
  for (const accepted of ['identity', 'gzip;q=0', 'br']) {
    const plain = await get(accepted)
    expect(plain.headers.get('content-encoding'), accepted).toBe(null)
    expect(Number(plain.headers.get('content-length'))).toBeGreaterThan(
      Number(zipped.headers.get('content-length')) * 2,
    )
    expect(await plain.text()).toBe(await (await get('gzip')).text())
  }
})
