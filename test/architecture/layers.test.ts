import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Import, importsIn, importsOf } from './imports.js'
import { type Layer, layers } from './layers.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const imports = importsOf(root, [
  'packages/protocol/src',
  'packages/server/src',
  'packages/client/src',
  'packages/create/src',
])

describe('imports', () => {
  it('imports point inward only, as the layer map says', () => {
    expect(imports.length).toBeGreaterThan(0)
    expect(imports.filter((edge) => !isAllowed(edge)).map(describeEdge)).toEqual([])
  })

  it('imports form no cycle of files, types included', () => {
    const cycles = [...new Set(imports.map((edge) => edge.from))].filter((file) =>
      reach(file, imports).has(file),
    )
    expect(cycles).toEqual([])
  })

  it('imports of the protocol and the client go down the layer map, types included', () => {
    const names = layers.map(({ name }) => name)
    for (const [row, { name, imports, types }] of layers.entries()) {
      if (!/^(protocol|client) /.test(name)) continue
      const higher = [...imports, ...types].filter((target) => names.indexOf(target) >= row)
      expect(higher, name).toEqual([])
    }
  })

  it('imports keep zod away from the entry that browsers load', () => {
    const fromWire = reach(
      'packages/protocol/src/wire.ts',
      imports.filter((edge) => !edge.typeOnly),
    )
    expect([...fromWire].filter((target) => target.startsWith('zod'))).toEqual([])
  })
})

describe('the check itself', () => {
  const violations = (from: string, text: string) =>
    importsIn(from, text)
      .filter((edge) => !isAllowed(edge))
      .map((edge) => edge.to)

  it('the check itself refuses I/O in the engine, ws outside its transport and the server in the client', () => {
    expect(
      violations('packages/server/src/engine/rooms/room.ts', `import fs from 'node:fs'; import '../node.js'`),
    ).toEqual(['node:fs', 'packages/server/src/engine/node.ts'])
    expect(
      violations(
        'packages/server/src/engine/inbound/inbound.ts',
        `import { WebSocket } from 'ws'; import '../../server/create-server.js'`,
      ),
    ).toEqual(['ws', 'packages/server/src/server/create-server.ts'])
    expect(
      violations('packages/client/src/room/room.ts', `import type { Server } from '@roomful/server'`),
    ).toEqual(['@roomful/server'])
  })

  it('the check itself tells types from values in the client, so that no schema reaches the bundle', () => {
    expect(
      violations(
        'packages/client/src/room/room.ts',
        `import { type Protocol, type Body } from '@roomful/protocol'`,
      ),
    ).toEqual([])
    expect(
      violations(
        'packages/client/src/room/room.ts',
        `import { type Protocol, decode } from '@roomful/protocol'`,
      ),
    ).toEqual(['@roomful/protocol'])
    expect(violations('packages/client/src/room/room.ts', `const lazy = import('partysocket/ws')`)).toEqual([
      'partysocket/ws',
    ])
  })
})

it('docs/architecture.md shows the same layer map', () => {
  expect(readFileSync(`${root}/docs/architecture.md`, 'utf8')).toContain(table(layers))
})

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const layer = layerOf(from)
  if (!layer) return false
  const target = layerOf(to)
  const patterns = typeOnly ? [...layer.imports, ...layer.types] : layer.imports
  return target
    ? target === layer || patterns.includes(target.name)
    : patterns.some((pattern) => covers(pattern, to))
}

const layerOf = (file: string): Layer | undefined =>
  layers.find((layer) => layer.files.some((pattern) => covers(pattern, file)))

/** A pattern covers itself and everything below it. */
const covers = (pattern: string, path: string): boolean =>
  path === pattern || path.startsWith(/[/:]$/.test(pattern) ? pattern : `${pattern}/`)

const describeEdge = ({ from, to, typeOnly }: Import): string =>
  `${from} imports ${typeOnly ? 'the types of ' : ''}${to}`

/** Everything that a file imports, directly or through others. */
function reach(file: string, edges: Import[], seen = new Set<string>()): Set<string> {
  for (const { to } of edges.filter((edge) => edge.from === file)) {
    if (!seen.has(to)) reach(to, edges, seen.add(to))
  }
  return seen
}

function table(map: Layer[]): string {
  const cell = (items: string[]) =>
    items.map((item) => (layers.some(({ name }) => name === item) ? item : `\`${item}\``)).join(', ') || '–'
  const rows = map.map(
    (layer) => `| ${layer.name} | ${cell(layer.files)} | ${cell(layer.imports)} | ${cell(layer.types)} |`,
  )
  return ['| layer | files | may import | may import types of |', '|---|---|---|---|', ...rows].join('\n')
}
