import type { AuthenticationRequest } from '@roomful/server'
import { afterEach, describe, expect, it } from 'vitest'
import { Quantiles } from '../../packages/server/src/verify/quantiles.js'
import { Cli } from '../support/cli.js'
import { answering, http, roomful } from './targets.js'

const started: Cli[] = []

function verify(...args: readonly string[]): Cli {
  const cli = new Cli(['verify', ...args])
  started.push(cli)
  return cli
}

afterEach(() => {
  for (const cli of started.splice(0)) cli.kill('SIGKILL')
})

const address = async () => `ws://127.0.0.1:${await roomful()}`
const brief = ['--seconds', '3', '--idle', '2']

describe('roomful verify', () => {
  it('roomful verify prints a short report, and ends with 0 when nothing is wrong', {
    timeout: 40_000,
  }, async () => {
    const { code, stdout, stderr } = await verify(await address(), ...brief).exit()
    expect(stdout).toMatch(/0 lost, 0 duplicated, 0 reordered, 0 holes; 0 breaks/)
    expect(stdout).toMatch(/resume {6}p50 [\d.]+ ms, p99 [\d.]+ ms; longest outage/)
    expect(stdout).toMatch(/Nothing is wrong\.\n$/)
    expect(stdout.split('\n').length).toBeLessThan(20)
    // Nobody looks at it.
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })

  it('roomful verify prints one document of JSON, also when something is wrong, and then ends with 1', {
    timeout: 40_000,
  }, async () => {
    const fine = await verify(await address(), ...brief, '--json').exit()
    const document = JSON.parse(fine.stdout)
    expect(document).toMatchObject({ fine: true, trial: { lost: 0, breaks: 0, clients: 4, stopped: false } })
    expect(document.trial.acknowledged).toBeGreaterThan(5)
    expect(document.trial.ack_ms.p99).toBeGreaterThan(0)
    const { code, stdout } = await verify(`${await address()}/nowhere`, '--json').exit()
    expect(JSON.parse(stdout)).toMatchObject({ fine: false, findings: [{ weight: 'wrong', code: 'path' }] })
    expect(code).toBe(1)
  })

  it('[C7] roomful verify logs in by the cookie that authenticate reads, in all of its requests', {
    timeout: 40_000,
  }, async () => {
    const headers: string[] = []
    const authenticate = ({ request }: AuthenticationRequest) => {
      headers.push(String(request.headers.cookie))
      return request.headers.cookie === 'theme=dark; session=a1b2' && request.headers['x-tenant'] === 'acme'
        ? { userId: 'ana' }
        : null
    }
    const url = `ws://127.0.0.1:${await roomful({ authenticate, authorize: () => true })}`
    const refused = await verify(url, '--token', 'cookie').exit()
    expect(refused.stdout).toContain("if it reads a cookie or another header: --header 'Cookie: NAME=VALUE'")
    expect(refused.code).toBe(1)
    headers.length = 0
    const cookies = ['--header', 'Cookie: theme=dark', '--header', 'cookie:session=a1b2']
    const { code, stdout } = await verify(url, ...cookies, '--header', 'X-Tenant: acme', ...brief).exit()
    expect(stdout).toMatch(/Nothing is wrong\.\n$/)
    expect(code).toBe(0)
    expect(stdout).not.toContain('a1b2')
    expect(headers.length).toBeGreaterThan(5)
    expect(new Set(headers)).toEqual(new Set(['theme=dark; session=a1b2']))
  })

  it('roomful verify sends its headers when it looks for the path, too', async () => {
    const cookies = new Map<string, string | undefined>()
    const port = await http((request, response) => {
      cookies.set(request.url ?? '', request.headers.cookie)
      response.writeHead(404).end()
    })
    await verify(`ws://127.0.0.1:${port}/nowhere`, '--header', 'Cookie: session=a1b2').exit()
    expect(Object.fromEntries(cookies)).toEqual({
      '/nowhere': 'session=a1b2',
      '/ws': 'session=a1b2',
      '/': 'session=a1b2',
    })
  })

  it('roomful verify ends the trial on Ctrl-C, and reports what it saw', { timeout: 40_000 }, async () => {
    const cli = verify(await address(), '--seconds', '600')
    await new Promise((resolve) => setTimeout(resolve, 6_000))
    cli.kill('SIGINT')
    const { code, stdout } = await cli.exit()
    expect(stdout).toMatch(/[1-9]\d* messages acknowledged/)
    expect(stdout).toMatch(/Nothing is wrong, as far as it was tried\.\n$/)
    expect(code).toBe(0)
  })

  it.each([
    [[], /verify needs one URL, such as wss:/],
    [['wss://a/ws', 'wss://b/ws'], /verify needs one URL/],
    [['https://chat.example.com/ws'], /begins with ws:\/\/ or wss:\/\/, as in wss:\/\/chat.example.com\/ws/],
    [['chat'], /begins with ws:\/\//],
    [['ws://a', '--clients', '1'], /--clients must be a number from 2 to 50, not '1'/],
    [['ws://a', '--clients', '2.5'], /--clients must be a number/],
    [['ws://a', '--seconds', ''], /--seconds must be a number/],
    [['ws://a', '--idle', 'x'], /--idle must be a number/],
    [['ws://a', '--room', '@me'], /--room must be the beginning of a name/],
    [
      ['ws://a', '--header', 'session'],
      /--header must be a name and a value .* as in 'Cookie: session=a1b2'/,
    ],
    [['ws://a', '--header', 'my cookie: a'], /--header must be a name and a value/],
    [['ws://a', '--header', ': a'], /--header must be a name and a value/],
    [['ws://a', '--header', 'X-A: 1', '--header', 'Cookie: a\nb'], /--header must be a name and a value/],
    [['ws://a', '--header', 'ORIGIN: https://b'], /--header cannot set ORIGIN, .*--origin/],
    [['ws://a', '--header', 'Sec-WebSocket-Key: a'], /--header cannot set Sec-WebSocket-Key/],
    [['ws://a', '--tokn', 'x'], /Unknown option '--tokn'.*--help/],
  ])('roomful verify ends with 2 and one sentence for a wrong option: %j', async (args, sentence) => {
    const { code, stderr } = await verify(...args).exit()
    expect(stderr).toMatch(sentence)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  })

  it('roomful verify --help tells all of it', async () => {
    const { code, stdout } = await verify('--help').exit()
    const words = [
      '--token',
      '--header',
      '--origin',
      '--room',
      '--clients',
      '--seconds',
      '--idle',
      '--json',
      'Ctrl-C',
    ]
    for (const word of words) expect(stdout).toContain(word)
    expect(code).toBe(0)
  })
})

it('roomful verify shows neither a token in the URL nor what a server says to the terminal', {
  timeout: 40_000,
}, async () => {
  const hostile = await answering(302, { location: 'http://127.0.0.1/\u009b31m?token=secret' })
  const { stdout } = await verify(`ws://127.0.0.1:${hostile}/ws?token=secret`).exit()
  expect(stdout).toContain('redirects to http://127.0.0.1/')
  expect(stdout).not.toContain('secret')
  const shouting = await answering(500, {}, '\u001b]0;owned\u0007')
  const shouted = await verify(`ws://127.0.0.1:${shouting}`).exit()
  expect(shouted.stdout).toContain('\ufffd]0;owned')
  expect(shouted.stdout).not.toContain('\u001b')
  expect(shouted.stdout).not.toContain('\u0007')
})

it('quantiles of a million durations take the memory of a few hundred numbers, and are right to 2 %', () => {
  const durations = new Quantiles()
  for (let count = 0; count < 1_000_000; count++) durations.add(1 + (count % 1_000))
  expect(Math.abs((durations.at(0.5) ?? 0) - 500)).toBeLessThan(15)
  expect(Math.abs((durations.at(0.99) ?? 0) - 990)).toBeLessThan(25)
  expect(durations.at(1)).toBe(1_000)
  expect(new Quantiles().at(0.5)).toBeUndefined()
})
