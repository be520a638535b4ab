/** Who may import whom. docs/architecture.md shows the same map; layers.test.ts holds the sources and the page to it. */
export interface Layer {
  name: string
  /** Files and folders; a file belongs to the first layer that lists it. */
  files: string[]
  /** Other layers, and packages with all their sub-paths. */
  imports: string[]
  /** Allowed as `import type` only. */
  types: string[]
}

const protocol = '@roomful/protocol'
const wire = ['@roomful/protocol/wire', '@roomful/protocol/define']
const serverEdges = ['transports', 'backplanes', 'server parts', 'server interfaces', 'server core']

export const layers: Layer[] = [
  {
    name: 'protocol',
    files: ['packages/protocol/src/'],
    imports: ['zod/mini'],
    types: ['@standard-schema/spec'],
  },
  {
    name: 'server core',
    files: ['packages/server/src/core/'],
    imports: [protocol, 'node:crypto'],
    types: [],
  },
  {
    name: 'server interfaces',
    files: ['address', 'backplane', 'clock', 'limits', 'logger', 'origin', 'outgoing', 'transport'].map(
      (file) => `packages/server/src/${file}.ts`,
    ),
    imports: [protocol, 'node:net'],
    types: ['server core'],
  },
  {
    name: 'redis client',
    files: ['packages/server/src/backplanes/redis/node-redis-store.ts'],
    imports: ['backplanes', 'server interfaces', 'server core', protocol, 'node:', 'redis'],
    types: [],
  },
  {
    name: 'backplanes',
    files: ['packages/server/src/backplanes/'],
    imports: ['server interfaces', 'server core', protocol, 'node:'],
    types: ['redis'],
  },
  {
    name: 'transports',
    files: ['packages/server/src/transports/'],
    imports: ['server interfaces', 'server core', protocol, 'node:', 'ws'],
    types: [],
  },
  {
    name: 'server command',
    files: ['packages/server/src/cli.ts', 'packages/server/src/cli/'],
    imports: [
      'server',
      'server entries',
      'server parts',
      'server interfaces',
      protocol,
      'node:',
      'jose',
      'redis',
      'zod/mini',
    ],
    types: [],
  },
  {
    name: 'server entries',
    files: [
      'packages/server/src/index.ts',
      'packages/server/src/redis.ts',
      'packages/server/src/testing.ts',
      'packages/server/src/testing/',
    ],
    imports: ['server', 'redis client', ...serverEdges, protocol, 'node:'],
    types: [],
  },
  {
    name: 'server',
    files: ['packages/server/src/server.ts', 'packages/server/src/node.ts'],
    imports: [...serverEdges, protocol, 'node:'],
    types: [],
  },
  {
    name: 'server parts',
    files: ['packages/server/src/'],
    imports: ['server interfaces', 'server core', protocol, 'node:'],
    types: [],
  },
  {
    name: 'client state',
    files: ['connection-state', 'heartbeat', 'retry', 'room-state', 'words', 'words.production'].map(
      (file) => `packages/client/src/${file}.ts`,
    ),
    imports: wire,
    types: [protocol],
  },
  {
    name: 'client socket',
    files: ['packages/client/src/socket.ts'],
    imports: ['client parts', 'client state', 'partysocket/ws', ...wire],
    types: [protocol],
  },
  {
    name: 'client entries',
    files: ['packages/client/src/index.ts', 'packages/client/src/core.ts', 'packages/client/src/react.ts'],
    imports: ['client', 'client socket', 'client parts', 'client state', ...wire, 'react'],
    types: [protocol],
  },
  {
    name: 'client',
    files: ['packages/client/src/client.ts'],
    imports: ['client socket', 'client parts', 'client state', ...wire],
    types: [protocol],
  },
  {
    name: 'client parts',
    files: ['packages/client/src/'],
    imports: ['client state', ...wire, '@roomful/protocol/options'],
    types: [protocol, 'client socket'],
  },
]
