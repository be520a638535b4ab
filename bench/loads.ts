/** What the load generator is told; see load/load.c. */
export interface Load {
  readonly clients: number
  readonly rooms?: number
  /** What the rooms' names begin with. */
  readonly prefix?: string
  readonly senders: number
  /** Messages of one sender under way at a time, in a closed loop. */
  readonly window?: number
  /** Messages a second of all senders together, in an open loop. */
  readonly rate?: number
}

/** What Roomful is to reach, as a ratio to a peer. Where nothing can be combined, whatever comes out is accepted. */
type Goals = Readonly<Partial<Record<Rival, number>>>

export interface Contest {
  readonly title: string
  readonly load: Load
  readonly goals: Goals
  /** What is asked of base clients besides. */
  readonly baseGoals?: Goals
}

export const LOADS = {
  A: {
    title: '100 clients, 10 senders, closed loop',
    load: { clients: 100, senders: 10, window: 1 },
    goals: { 'socket.io': 8, ws: 7 },
    baseGoals: { uws: 0.8 },
  },
  B: {
    title: '1,000 clients, 10 senders, closed loop',
    load: { clients: 1_000, senders: 10, window: 1 },
    goals: { 'socket.io': 12, ws: 7 },
  },
  C: {
    title: '100 clients, 50 senders, closed loop, window 4',
    load: { clients: 100, senders: 50, window: 4 },
    goals: { 'socket.io': 18, ws: 7 },
  },
  D: {
    title: '1,000 clients, one sender, 50 msg/s',
    load: { clients: 1_000, senders: 1, rate: 50 },
    goals: {},
  },
  E: {
    title: '1,000 clients, 200 rooms of 5, 4,000 msg/s',
    load: { clients: 1_000, rooms: 200, senders: 1_000, rate: 4_000 },
    goals: {},
  },
  F: {
    title: '100 clients, 10 senders, 500 msg/s',
    load: { clients: 100, senders: 10, rate: 500 },
    goals: {},
  },
} as const satisfies Record<string, Contest>

export type LoadName = keyof typeof LOADS
export const LOAD_NAMES = Object.keys(LOADS) as LoadName[]

/** The closed loops, each also measured at one rate for all: half of what the naive loop carried. */
export const EQUAL_LOADS = ['A', 'B', 'C'] as const satisfies LoadName[]
export type EqualLoad = (typeof EQUAL_LOADS)[number]

/** By how many ms Roomful's latency may be above the naive loop's. */
export const LATENCY_GOALS = {
  fixed: { loads: ['D', 'E', 'F'], p50: 1, p99: 2 },
  equal: { p99: 1 },
} as const

/** Each is `peers/SERVER.mjs`, with the protocol that the load generator speaks to it. */
export const PEERS = {
  roomful: { title: 'Roomful', server: 'roomful', protocol: 'roomful' },
  base: { title: 'Roomful, base clients', server: 'roomful', protocol: 'roomful-base' },
  'socket.io': { title: 'Socket.IO', server: 'socket.io', protocol: 'socket.io' },
  ws: { title: 'ws, naive loop', server: 'ws', protocol: 'plain' },
  uws: { title: 'uWebSockets.js', server: 'uws', protocol: 'plain' },
} as const

/** What the load generator speaks. */
export type Protocol = (typeof PEERS)[keyof typeof PEERS]['protocol']

export type Peer = keyof typeof PEERS
export const PEER_NAMES = Object.keys(PEERS) as Peer[]

/** Our server, with clients that know all of the protocol or its base messages alone. */
export const OURS = ['roomful', 'base'] as const satisfies Peer[]
export type Rival = Exclude<Peer, (typeof OURS)[number]>
export const isRival = (peer: Peer): peer is Rival => !OURS.some((ours) => ours === peer)

/** Those that have a client of their own to compare. */
export const CLIENT_PEERS = ['roomful', 'socket.io'] as const satisfies Peer[]
export type ClientPeer = (typeof CLIENT_PEERS)[number]

/** Two nodes of each, on one Redis; the clients are spread over both. Each is `peers/NAME.mjs`. */
export const CLUSTERS = {
  'roomful-redis': { title: 'Roomful', protocol: 'roomful' },
  'socket.io-redis': { title: 'Socket.IO, streams adapter', protocol: 'socket.io' },
} as const

export type ClusterPeer = keyof typeof CLUSTERS
export const CLUSTER_NAMES = Object.keys(CLUSTERS) as ClusterPeer[]

export const CLUSTER_LOADS = {
  busy: { title: '100 clients, 10 senders, closed loop', load: { clients: 100, senders: 10, window: 1 } },
  sparse: { title: '100 clients, 10 senders, 200 msg/s', load: { clients: 100, senders: 10, rate: 200 } },
} as const satisfies Record<string, { title: string; load: Load }>

export type ClusterLoad = keyof typeof CLUSTER_LOADS
export const CLUSTER_LOAD_NAMES = Object.keys(CLUSTER_LOADS) as ClusterLoad[]
