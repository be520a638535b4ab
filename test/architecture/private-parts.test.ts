import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { Sources } from './private-parts.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Files that may give a foreign object another shape. */
const MAY_CAST: ReadonlySet<string> = new Set([])

const paths = ['protocol', 'server', 'client'].flatMap((name) => {
  const folder = `packages/${name}/src`
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files.filter((file) => /\.tsx?$/.test(file)).map((file) => `${folder}/${file}`)
})

const sample = `
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
interface Reader extends Duplex { read2(): void }
export function reach(socket: Duplex, webSocket: WebSocket, value: unknown, { _handle }: { _handle: object }) {
  void (webSocket as unknown as { sender: object }).sender
  void (socket as Reader)
  void Reflect.get(socket, '_writableState')
  void Object.getOwnPropertySymbols(webSocket)
  void (webSocket as any)._socket
  const { _events: events, ...rest } = socket as never
}
export function keep(socket: Duplex, value: unknown, _unused: object) {
  if (socket instanceof Socket) void socket.remoteAddress
  void (socket as Socket).remoteAddress
  void (value as { size: number }).size
}
`

const sources = new Sources(root, paths, { 'test/architecture/sample.ts': sample })

it('no source reaches for private parts of Node or a dependency', () => {
  const found = paths
    .filter((path) => !MAY_CAST.has(path))
    .flatMap((path) => sources.privatePartsIn(join(root, path)).map((where) => `${path}:${where}`))
  expect(paths.length).toBeGreaterThan(100)
  expect(found).toEqual([])
}, 60_000)

it('the check finds each way to reach for them, and leaves alone what is public', () => {
  expect(sources.privatePartsIn(join(root, 'test/architecture/sample.ts'))).toEqual([
    '6: the property _handle',
    '6: the property _handle',
    '7: webSocket as unknown as { sender: object }',
    '8: socket as Reader',
    '9: the property _writableState',
    '10: getOwnPropertySymbols',
    '11: the property _socket',
    '11: webSocket as any',
    '12: the property _events',
    '12: socket as never',
  ])
})
