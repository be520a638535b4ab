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
const protocolSource = 'packages/protocol/src/'
const server = 'packages/server/src/'
const client = 'packages/client/src/'
/** What a backplane may know of the server. */
const contracts = ['server util', 'server contracts', protocol]
const shared = ['server util', 'server contracts', 'server api', protocol]
const engine = [
  'engine process',
  'engine connection',
  'engine delivery',
  'engine application',
  'engine rooms',
  'engine inbound',
  'engine changes',
]

/** From the bottom up: each row may import those above it. */
export const layers: Layer[] = [
  { name: 'protocol errors', files: [`${protocolSource}errors/`], imports: [], types: [] },
  { name: 'protocol messages', files: [`${protocolSource}messages/`], imports: ['zod/mini'], types: [] },
  {
    name: 'protocol define',
    files: [`${protocolSource}define/`],
    imports: ['protocol messages'],
    types: ['@standard-schema/spec'],
  },
  {
    name: 'protocol codec',
    files: [`${protocolSource}codec/`],
    imports: ['protocol define', 'protocol messages', 'protocol errors', 'zod/mini'],
    types: [],
  },
  {
    name: 'protocol entries',
    files: [protocolSource],
    imports: ['protocol codec', 'protocol define', 'protocol messages', 'protocol errors', 'zod/mini'],
    types: [],
  },
  { name: 'server util', files: [`${server}util/`], imports: [protocol, 'node:'], types: [] },
  {
    name: 'server contracts',
    files: [`${server}api/contracts/`],
    imports: ['server util', protocol, 'node:'],
    types: [],
  },
  {
    name: 'server api',
    files: [`${server}api/`],
    imports: ['server contracts', 'server util', protocol, '@roomful/protocol/options', 'node:'],
    types: [],
  },
  {
    name: 'backplane log',
    files: [`${server}backplane/log/`],
    imports: ['server util', protocol, 'node:'],
    types: ['server contracts'],
  },
  {
    name: 'backplane redis',
    files: [`${server}backplane/redis/`],
    imports: ['backplane', 'backplane log', ...contracts, '@roomful/protocol/options', 'node:', 'redis'],
    types: [],
  },
  {
    name: 'backplane sqlite',
    files: [`${server}backplane/sqlite/`],
    imports: [
      'backplane',
      'backplane log',
      ...contracts,
      '@roomful/protocol/options',
      'node:',
      // Of the sources alone: the build holds what it makes.
      'esbuild',
    ],
    types: [],
  },
  {
    name: 'backplane',
    files: [`${server}backplane/`],
    imports: ['backplane log', ...contracts, '@roomful/protocol/options', 'node:'],
    types: [],
  },
  {
    name: 'engine process',
    files: [`${server}engine/process/`],
    imports: [...shared, 'node:'],
    types: [],
  },
  {
    name: 'engine connection',
    files: [`${server}engine/connection/`],
    imports: ['engine process', ...shared, 'node:'],
    types: ['backplane', 'backplane log'],
  },
  {
    name: 'engine delivery',
    files: [`${server}engine/delivery/`],
    imports: ['engine connection', 'engine process', ...shared],
    types: [],
  },
  {
    name: 'engine application',
    files: [`${server}engine/application/`],
    imports: ['engine connection', ...shared, '@roomful/protocol/options'],
    types: [],
  },
  {
    name: 'engine rooms',
    files: [`${server}engine/rooms/`],
    imports: [
      'engine application',
      'engine delivery',
      'engine connection',
      'engine process',
      'backplane',
      'backplane log',
      ...shared,
      '@roomful/protocol/options',
    ],
    types: [],
  },
  {
    name: 'engine inbound',
    files: [`${server}engine/inbound/`],
    imports: ['engine rooms', 'engine application', 'engine connection', 'engine process', ...shared],
    types: [],
  },
  {
    name: 'engine changes',
    files: [`${server}engine/changes/`],
    imports: ['engine rooms', 'engine process', ...shared],
    types: [],
  },
  {
    name: 'engine',
    files: [`${server}engine/`],
    imports: [...engine, 'backplane', ...shared, 'node:'],
    types: [],
  },
  {
    name: 'server http',
    files: [`${server}http/`],
    imports: [...shared, '@roomful/protocol/options', 'node:', 'zod/mini'],
    types: [],
  },
  {
    name: 'server webhooks',
    files: [`${server}webhooks/`],
    imports: [...shared, '@roomful/protocol/options', 'node:'],
    types: [],
  },
  {
    name: 'server rest',
    files: [`${server}rest/`],
    imports: [
      'server util',
      'server contracts',
      'server api',
      '@roomful/protocol/wire',
      '@roomful/protocol/options',
    ],
    types: [protocol],
  },
  {
    name: 'server',
    files: [`${server}server/`],
    imports: ['server http', 'server webhooks', 'engine', ...engine, ...shared, 'node:', 'ws'],
    types: [],
  },
  {
    name: 'server testing',
    files: [`${server}testing/`],
    imports: ['server', 'engine', ...engine, 'backplane', 'backplane log', ...shared, 'node:'],
    types: [],
  },
  // It judges the server by the wire alone, and shares no code with it.
  { name: 'server checker', files: [`${server}verify/checker/`], imports: ['node:', 'ws'], types: [] },
  {
    name: 'server verify',
    files: [`${server}verify/`],
    imports: ['server checker', 'node:', 'ws'],
    types: [],
  },
  {
    name: 'server contract',
    files: [`${server}contract/`],
    imports: [protocol, 'node:', 'zod/mini'],
    types: [],
  },
  {
    name: 'server command',
    files: [`${server}cli/`],
    imports: [
      'server contract',
      'server verify',
      'server',
      'server http',
      'server entries',
      'engine',
      'backplane sqlite',
      'backplane',
      ...shared,
      '@roomful/protocol/options',
      'node:',
      'jose',
      'redis',
      'zod/mini',
    ],
    types: [],
  },
  {
    name: 'server entries',
    files: [server],
    imports: [
      'server',
      'server http',
      'server rest',
      'server testing',
      'server command',
      'backplane redis',
      'backplane sqlite',
      'backplane',
      'backplane log',
      ...shared,
      '@roomful/protocol/define',
      'node:',
      'zod/mini',
    ],
    types: [],
  },
  { name: 'client runtime', files: [`${client}runtime/`], imports: wire, types: [] },
  {
    name: 'client options',
    files: [`${client}options/`],
    imports: ['client runtime', '@roomful/protocol/options'],
    types: [protocol],
  },
  {
    name: 'client connection',
    files: [`${client}connection/`],
    imports: ['client options', 'client runtime', ...wire, 'partysocket/ws'],
    types: [protocol],
  },
  {
    name: 'client outbox',
    files: [`${client}outbox/`],
    imports: ['client connection', 'client options', 'client runtime', ...wire],
    types: [protocol],
  },
  {
    name: 'client room',
    files: [`${client}room/`],
    imports: ['client outbox', 'client connection', 'client options', 'client runtime', ...wire],
    types: [protocol],
  },
  {
    name: 'client chat',
    files: [`${client}chat/`],
    imports: ['client room', 'client options', 'client runtime', ...wire],
    types: ['client outbox', protocol],
  },
  {
    name: 'client react',
    files: [`${client}react/`],
    imports: ['react'],
    types: ['client room', 'client options', 'client runtime', protocol],
  },
  {
    name: 'client entries',
    files: [client],
    imports: [
      'client react',
      'client chat',
      'client room',
      'client outbox',
      'client connection',
      'client options',
      'client runtime',
      ...wire,
      'react',
      '@roomful/client/chat',
      '@roomful/client/react',
    ],
    types: [protocol],
  },
  { name: 'create', files: ['packages/create/src/'], imports: ['node:'], types: [] },
]
