import type { BuiltIn } from '@roomful/protocol'
import { type Client, openClient } from './client.js'
import type { AnyProtocol, ClientOptions } from './options/options.js'
import { RoomTimeline } from './room/room-timeline.js'
import type { Runtime } from './runtime/runtime.js'

/**
 * Creates a client. It connects with the first `join()` or by `connect()`, and keeps the connection and its rooms
 * until `close()`. You may create it at module scope and while a server renders, since it does nothing by itself.
 * @param runtime replaces clock, randomness, ids, network signals or sockets: for React Native, and for simulations
 * @throws TypeError for a wrong option, with a sentence that says how to fix it
 */
export function createClient<P extends AnyProtocol = BuiltIn>(
  options: ClientOptions<P>,
  runtime: Partial<Runtime> = {},
): Client<P> {
  // One implementation serves every protocol. Its types describe what the schemas check at run time.
  return openClient(options, runtime, (...args) => new RoomTimeline(...args)) as unknown as Client<P>
}

export { RoomfulError } from '@roomful/protocol/wire'
export type { Client } from './client.js'
export type { ConnectionStatus, Mode } from './connection/connection-state.js'
export type {
  AnyProtocol,
  Backoff,
  ClientOptions,
  HeartbeatOptions,
  Logger,
  OutboxLimits,
  Timeouts,
  TokenGetter,
  TokenReason,
  WebSocketConstructor,
} from './options/options.js'
export type { Meta, OutboxStore, OutboxStoreContext, StoredOutbox } from './options/stored-outbox.js'
export { type LocalOutboxOptions, localOutbox } from './outbox/local-outbox.js'
export type { Placed, SendResult } from './outbox/outbox.js'
export type { Sent } from './outbox/outbox-driver.js'
export type { OutboxStorage, StoredMessage } from './outbox/storage.js'
export { storedOutbox } from './outbox/storage-copy.js'
export type {
  ChatMessage,
  ClientEvents,
  LogMessage,
  MessageEdited,
  Published,
  Received,
  Resync,
  RoomEvents,
  Snapshot,
  StatusChange,
} from './room/messages.js'
export type { Profile } from './room/own-profile.js'
export type {
  HistoryOptions,
  HistoryPage,
  JoinOptions,
  JoinResult,
  MessageReference,
  RequestOptions,
  Room,
  SendOptions,
} from './room/room-api.js'
export type { RoomStatus } from './room/room-state.js'
export type { TimelineEntry } from './room/timeline-entry.js'
export type { Clock, TimerHandle } from './runtime/clock.js'
export type { Observable } from './runtime/observable.js'
export type { Runtime, Signal } from './runtime/runtime.js'
export type { Socket, SocketFactory, SocketHandlers } from './runtime/socket.js'
