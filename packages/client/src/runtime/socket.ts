export interface SocketHandlers {
  opened(): void
  received(text: string): void
  /** Called at most once, and never after `close()`. */
  closed(code: number, reason: string): void
}

/** One connection attempt, and the connection that results from it. */
export interface Socket {
  /** Returns false if the socket is not open; then nothing was sent, and nothing is queued. */
  send(text: string): boolean
  close(code: number, reason: string): void
}

export type SocketFactory = (url: string, handlers: SocketHandlers) => Socket
