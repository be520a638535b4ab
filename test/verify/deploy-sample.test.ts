import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { bearer, createServer, memory } from '@roomful/server'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type Signed, signedFor } from '../support/certificate.js'
import { Cli, type Exit } from '../support/cli.js'
import { DEPLOYED } from '../support/deployed-proxies.js'
import { freePort } from '../support/free-port.js'
import { call, KEY } from '../support/http-api.js'
import { RedisServer } from '../support/redis.js'
import { SseClient } from '../support/sse-client.js'
import { StoreServer } from '../support/store-server.js'
import { listening } from './targets.js'

type Name = keyof typeof DEPLOYED

const names = Object.keys(DEPLOYED) as Name[]
const ends: (() => unknown)[] = []
let certificate: Signed

beforeAll(async () => {
  certificate = await signedFor('IP:127.0.0.1', 90)
  ends.push(() => certificate.remove())
})

afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

describe('verify finds nothing wrong with the proxies of docs/deploy.md over TLS, before two nodes of which one is killed', () => {
  const exits = new Map<Name, Promise<Exit>>()

  // All of them at once: a trial takes its time.
  beforeAll(async () => {
    const redis = await RedisServer.start()
    ends.push(() => redis.remove())
    const node = () => StoreServer.start({ store: 'redis', options: { url: redis.url }, apiKey: KEY })
    const [north, south] = await Promise.all([node(), node()])
    ends.push(() => Promise.all([north.kill(), south.kill()]))
    const clis = new Map<Name, Cli>()
    const running = new Set(names)
    const verify = async (name: Name): Promise<Exit> => {
      const proxy = await DEPLOYED[name]({ nodes: [north.port, south.port], ...certificate })
      ends.push(() => proxy.stop())
      const args = ['verify', `wss://127.0.0.1:${proxy.port}`, '--room', `${name}-`, '--idle', '0', '--json']
      const cli = new Cli(args, { NODE_EXTRA_CA_CERTS: certificate.authority })
      ends.push(() => cli.kill('SIGKILL'))
      clis.set(name, cli)
      return cli.exit()
    }
    for (const name of names) {
      const exit = verify(name).finally(() => running.delete(name))
      // The test of this proxy says what failed.
      exit.catch(() => {})
      exits.set(name, exit)
    }
    const until = async (node: StoreServer, enough: (name: Name) => number) => {
      const all = async () => {
        const written = await writtenOn(node)
        return [...running].every((name) => (written.get(name) ?? 0) >= enough(name))
      }
      await vi.waitUntil(all, { timeout: 120_000, interval: 200 })
    }
    await until(north, () => 6)
    const written = await writtenOn(south)
    await north.kill()
    await until(south, (name) => (written.get(name) ?? 0) + 12)
    for (const cli of clis.values()) cli.kill('SIGINT')
  }, 300_000)

  it.each(names)('[M11] %s', async (name) => {
    const { code, stdout } = await (exits.get(name) as Promise<Exit>)
    const report = JSON.parse(stdout)
    expect(report.findings).toEqual([])
    expect(report.connection.certificate_ends_at).toMatch(/^\d{4}-/)
    expect(report.trial).toMatchObject({ lost: 0, forgotten: 0, duplicated: 0, holes: 0, breaks: 0 })
    expect(code).toBe(0)
  })

  it('clients of theirs were on the node that was killed', async () => {
    const reports = (await Promise.all(exits.values())).map(({ stdout }) => JSON.parse(stdout))
    expect(reports.some(({ trial }) => trial.endings['1006'] > 0)).toBe(true)
  })
})

it.each(names)(
  '%s of docs/deploy.md appends the address of a client, passes a stream on at once, and does without one of its nodes',
  async (name) => {
    const server = createServer({ backplane: memory(), trustedProxies: 1 })
    const api = server.http({ authenticate: bearer(KEY) })
    const http = createHttpServer((request, response) => {
      if (request.url === '/readyz') response.end()
      else api.node(request, response)
    })
    server.attach(http)
    onTestFinished(() => server.close())
    const nodes = [await listening(http), await freePort()] as const
    const proxy = await DEPLOYED[name]({ nodes, ...certificate })
    onTestFinished(() => proxy.stop())

    const ca = await readFile(certificate.authority, 'utf8')
    const socket = new WebSocket(`wss://127.0.0.1:${proxy.port}`, {
      ca,
      localAddress: '127.0.0.2',
      headers: { 'x-forwarded-for': '203.0.113.9' },
    })
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    const { connections } = await server.listConnections()
    expect(connections.map(({ remoteAddress }) => remoteAddress)).toEqual(['127.0.0.2'])

    const stream = await SseClient.open(`https://127.0.0.1:${proxy.port}/api`, 'lobby', { ca })
    await server.room('lobby').chat.send('hello')
    expect(await stream.next()).toMatchObject({ message: 'hello' })
    // Apache's thread for a stream notices that the client has gone at the next comment, and would delay its end.
    await server.close()
  },
)

interface RoomsHere {
  readonly rooms: readonly { readonly room_id: string }[]
}

interface RoomHead {
  readonly head: { readonly offset: number }
}

/** How many messages there are in the rooms of a node, by the proxy for whose trial they are. */
async function writtenOn({ port }: StoreServer): Promise<ReadonlyMap<string, number>> {
  const base = `http://127.0.0.1:${port}/api`
  const written = new Map<string, number>()
  const { rooms } = (await call(base, 'GET', '/rooms?limit=1000')).body as RoomsHere
  for (const { room_id: id } of rooms) {
    const { head } = (await call(base, 'GET', `/rooms/${id}`)).body as RoomHead
    const [name = ''] = id.split('-')
    written.set(name, (written.get(name) ?? 0) + head.offset)
  }
  return written
}
