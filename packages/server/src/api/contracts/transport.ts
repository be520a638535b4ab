/**
 * A connection's transport, as the server uses it; pass it to {@link Roomful.accept}. It must deliver texts and
 * frames in the order in which they were sent. After `close`, the server sends nothing more.
 */
export interface Transport {
  /** Sends one text message. Does nothing once the socket is closing. */
  send(text: string): void
  /**
   * Fast path: sends complete WebSocket frames of a server (FIN, text, unmasked), built once for all receivers. The
   * bytes are shared, so they must not be changed. If this method exists, `send` is not called.
   */
  sendFrames?(frames: Uint8Array): void
  /**
   * Sends a ping, which the peer answers. Without this method, the transport itself must detect a peer that is gone,
   * since the server does not.
   */
  ping?(): void
  /** Starts the closing handshake; everything sent before is still delivered. */
  close(code: number, reason: string): void
  /** Drops the socket at once. */
  terminate(): void
  /** Stops reading, so that back-pressure reaches the peer. */
  pause(): void
  resume(): void
  /** Bytes that were sent and have not left the process. The server uses them to recognise slow readers. */
  readonly bufferedAmount: number
}

/** The events that a transport must call. It must always call `close`, as the last one. */
export interface TransportEvents {
  /** `bytes` is the text's length in UTF-8. */
  text(text: string, bytes: number): void
  binary(data: Uint8Array): void
  ping(data: Uint8Array): void
  pong(data: Uint8Array): void
  /**
   * The transport is about to send a close frame by itself, for example because of a broken frame. Everything that is
   * still to be sent must be written now.
   */
  closing(): void
  /** The connection is gone, however it ended. */
  close(code: number, reason: string): void
  error(error: Error): void
}

/** How a connection was opened. */
export interface ConnectionRequest {
  /** Path and query, as in the HTTP request line. */
  readonly url: string
  /**
   * Names are in lower case. Headers that only belong to the handshake (`upgrade`, `sec-websocket-key` …) are left
   * out.
   */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /**
   * The peer's IP address, or the one that a trusted proxy reports, without a port; an IPv4 address is never in IPv6
   * form.
   */
  readonly remoteAddress: string
}

/** Why no connection can be accepted now, and when to retry. */
export interface UpgradeRefusal {
  readonly status: 503
  readonly why: string
  readonly retryAfterS: number
  /** It is over by itself, since the server starts or ends: nobody need be warned. */
  readonly isPassing: boolean
}
