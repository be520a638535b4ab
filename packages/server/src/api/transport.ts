/**
 * One socket, as the server sees it; {@link Roomful.accept} takes it in. Texts and frames arrive in the order in which they were sent.
 * After `close`, the server sends nothing more.
 */
export interface Transport {
  /** Sends one text message. Does nothing once the socket is closing. */
  send(text: string): void
  /**
   * Fast path: whole WebSocket frames of a server (FIN, text, unmasked), built once for all receivers. The bytes are shared, so
   * they must not be changed. Where it is there, `send` is not called.
   */
  sendFrames?(frames: Uint8Array): void
  /** Sends a ping, which the peer answers. Without it, the transport itself must notice a peer that is gone: the server does not. */
  ping?(): void
  /** Starts the closing handshake; what was sent before still goes out. */
  close(code: number, reason: string): void
  /** Drops the socket at once. */
  terminate(): void
  /** Stops reading, so that the peer feels the back-pressure. */
  pause(): void
  resume(): void
  /** Bytes that were sent and have not left the process: by them, slow readers are known. */
  readonly bufferedAmount: number
}

/** What a transport tells the server. No call comes after `close`, which must come. */
export interface TransportEvents {
  /** `bytes` is the text's length in UTF-8. */
  text(text: string, bytes: number): void
  binary(data: Uint8Array): void
  ping(data: Uint8Array): void
  pong(data: Uint8Array): void
  /** The transport is about to send a close frame by itself, as for a broken frame: what is still to be written must be now. */
  closing(): void
  /** The socket is gone, however it ended. */
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
