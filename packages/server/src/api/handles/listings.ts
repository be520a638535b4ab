export interface ListOptions {
  /** Lists what comes after this id, which is the last of the page before. @default none: the first page */
  readonly after?: string
  /** Maximum number in a page, from 1 to 1,000. @default 50 */
  readonly limit?: number
}

/** A room with members on this node. */
export interface ListedRoom {
  readonly roomId: string
  /** Distinct users on all nodes, including those in their grace period, as this node last heard. */
  readonly count: number
  /** Connections on this node. */
  readonly connections: number
}

export interface RoomList {
  /** In ascending order of `roomId`, compared as JavaScript compares strings. */
  readonly rooms: readonly ListedRoom[]
  /** Whether there are rooms after these. */
  readonly more: boolean
}

/** A connection on this node. */
export interface ListedConnection {
  /** As `context.connection.id` of hooks and handlers. */
  readonly id: string
  /** `undefined` until it has authenticated. */
  readonly userId: string | undefined
  readonly remoteAddress: string
  /** Since when it is open, in ms since 1970. */
  readonly connectedAt: number
  /** How many rooms it is in. */
  readonly rooms: number
}

export interface ConnectionList {
  /** In ascending order of `id`, which says nothing about their age. */
  readonly connections: readonly ListedConnection[]
  /** Whether there are connections after these. */
  readonly more: boolean
}
