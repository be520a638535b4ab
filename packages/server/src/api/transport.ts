import type { Frames } from '../engine/connection/frames.js'

/** One socket, as the server sees it. Nothing but `transports/` knows what carries it. */
export interface Transport {
  /** Writes whole frames in order. Does nothing once the socket is closing. */
  write(outgoing: Frames): void
  ping(): void
  /** Starts the closing handshake; what was sent before still goes out. */
  close(code: number, reason: string): void
  /** Drops the socket at once. */
  terminate(): void
  /** Stops reading, so that the peer feels TCP's back-pressure. */
  pause(): void
  resume(): void
  /** Bytes that were sent and have not left the process. */
  readonly backlog: number
}

/** What a transport tells the server. No call comes after `close`. */
export interface TransportEvents {
  /** `bytes` is the text's length in UTF-8. */
  text(text: string, bytes: number): void
  binary(data: Uint8Array): void
  ping(data: Uint8Array): void
  pong(data: Uint8Array): void
  /** A close frame is about to be sent, also because the peer sent one or something wrong: what is still to be written must be now. */
  closing(): void
  close(code: number, reason: string): void
  error(error: Error): void
}

/** How a connection came in. */
export interface ConnectionRequest {
  /** Path and query, as in the HTTP request line. */
  readonly url: string
  /** Lower-case names. Those that only make the handshake (`upgrade`, `sec-websocket-key` …) are left out. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** IP address of the peer, or the one that a trusted proxy names, without a port; an IPv4 address never wrapped as IPv6. */
  readonly remoteAddress: string
}

/** Why no connection is taken now, and when to come back. */
export interface UpgradeRefusal {
  readonly status: 503
  readonly why: string
  readonly retryAfterS: number
}
