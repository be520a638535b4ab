import { resolve } from 'node:path'
import type { JsonObject } from '@roomful/protocol'
import type {
  Backplane,
  Draft,
  NodeLink,
  Position,
  PresenceSnapshot,
  PresentUser,
  PublishResult,
  Range,
  Relay,
  StreamEvent,
  Subscription,
} from '../../api/contracts/backplane.js'
import { LocalPresence } from '../local-presence.js'
import { openText } from '../log/log.js'
import { type Exported, exportFrom } from './exporting.js'
import type { SqliteSettings } from './options.js'
import type { Page } from './requests.js'
import { Retention } from './retention.js'
import type { SharedStore } from './shared-store.js'
import { SqliteFeed } from './sqlite-feed.js'
import { SqliteMarks } from './sqlite-marks.js'
import { SqliteProfiles } from './sqlite-profiles.js'
import { SqliteReactions } from './sqlite-reactions.js'
import { SqliteRestrictions } from './sqlite-restrictions.js'
import { unavailable } from './unavailable.js'

/** A backplane on a file, with operations on the file. */
export interface SqliteStore extends Backplane {
  /**
   * Copies the file step by step while the server keeps working, to a path where no file exists yet. A server that
   * starts on the copy is a fork: clients that have seen later messages get `forked`.
   * @throws TypeError without a path; RoomfulError `unavailable` if the copy failed, with the reason as its cause
   */
  backup(file: string): Promise<void>
  /**
   * Rewrites the file without what was deleted or dropped. Needs as much free space as the file takes. Messages wait
   * until it is done: seconds for each GiB.
   * @throws RoomfulError `unavailable` if it failed, with the reason as its cause
   */
  compact(): Promise<void>
  /**
   * Reads everything that is kept of a room, in order; or all that is a user's: the user's own stream, then every chat
   * message, edit and reaction that the user wrote in a room, then the user's marks, each as a `read_marked`, and the
   * user's profile, as a `set_profile`. One JSON text for each entry, including those that are logged meanwhile; messages
   * are in their present state.
   * @throws TypeError for neither or both
   */
  export(what: { readonly room: string } | { readonly user: string }): AsyncGenerator<string, void>
}

interface Started {
  readonly node: NodeLink
  readonly store: SharedStore
  readonly presence: LocalPresence
  readonly retention: Retention
  readonly receive: (relay: Relay) => void
}

const SWEEP_MS = 1_000

/** Keeps logs in a file on the local disk, and presence in the memory of this process. */
export class SqliteBackplane implements SqliteStore {
  readonly durability: 'disk' | 'buffered'
  readonly amends = true
  readonly dedupeWindowMs: number
  readonly changes = new SqliteFeed(
    () => this.#parts.store,
    () => this.#parts.node.clock.now(),
  )
  readonly reactions = new SqliteReactions(() => this.#parts.store)
  readonly profiles = new SqliteProfiles(() => this.#parts.store)
  readonly restrictions = new SqliteRestrictions(
    () => this.#parts.store,
    () => this.#parts.node.clock.wallTime(),
  )
  readonly marks = new SqliteMarks(() => ({ store: this.#parts.store, clock: this.#parts.node.clock }))
  #started: Started | undefined
  #sharedSecret: string | undefined
  #stopSweep = () => {}
  #closing: Promise<void> | undefined

  constructor(
    private readonly settings: SqliteSettings,
    private readonly openStore: (node: NodeLink) => SharedStore,
  ) {
    this.durability = settings.sync === 'full' ? 'disk' : 'buffered'
    this.dedupeWindowMs = settings.dedupeMs
  }

  get ready(): boolean {
    return this.#started?.store.ready === true
  }

  /** Stored in the file, or anonymous users would get new ids after a restart. */
  get sharedSecret(): string | undefined {
    return this.#sharedSecret
  }

  async start(node: NodeLink): Promise<void> {
    if (this.#started) throw new Error('sqlite: a backplane serves one server; give each server its own')
    const store = this.openStore(node)
    const receive = (relay: Relay) => node.receive(relay)
    const presence = new LocalPresence(node)
    const retention = new Retention(store, this.settings, node.clock, node.logger)
    this.#started = { node, store, presence, retention, receive }
    try {
      this.#sharedSecret = await store.open(receive)
    } catch (error) {
      await store.release(receive)
      this.#started = undefined
      throw error
    }
    this.#stopSweep = node.clock.every(SWEEP_MS, () => {
      presence.sweep(node.clock.now())
      void retention.sweep()
    })
  }

  async publish(stream: string, draft: Draft): Promise<PublishResult> {
    const { id, message, timestampMs, sender, idempotency, writer, amends, readBy } = draft
    const { store, retention } = this.#parts
    const written = { id, open: openText(message), timestampMs, author: authorOf(message) }
    const how = { sender, idempotency, writer, amends, readBy }
    const request = { kind: 'publish', stream, ...written, ...how } as const
    retention.wrote(stream)
    const outcome = await store.publish(request)
    if (outcome.status !== 'accepted') return outcome
    const { position, duplicate, timestampMs: acceptedMs } = outcome
    return { status: 'accepted', position, duplicate, timestampMs: acceptedMs, durability: this.durability }
  }

  async delete(stream: string): Promise<void> {
    await this.#parts.store.delete(stream)
  }

  async erase(userId: string): Promise<void> {
    await this.#parts.store.erase(userId)
  }

  async backup(file: string): Promise<void> {
    if (typeof file !== 'string' || file === '')
      throw new TypeError("backup: name the file for the copy, such as './backup/chat.db'")
    await this.#parts.store.call({ kind: 'backup', file: resolve(file) })
  }

  async compact(): Promise<void> {
    await this.#parts.store.call({ kind: 'compact' })
  }

  async *export(what: Exported): AsyncGenerator<string, void> {
    yield* exportFrom(this.#parts.store, what)
  }

  async subscribe(stream: string, listener: (event: StreamEvent) => void): Promise<Subscription> {
    const { store, presence } = this.#parts
    const unlisten = presence.listen(stream, listener)
    try {
      const subscription = await store.subscribe(stream, listener)
      return {
        close: () => {
          unlisten()
          subscription.close()
        },
      }
    } catch (error) {
      unlisten()
      throw error
    }
  }

  async read(stream: string, range: Range, since?: Position): Promise<Page> {
    return this.#parts.store.read(stream, range, since)
  }

  async enter(stream: string, user: PresentUser, connection: string): Promise<PresenceSnapshot> {
    return this.#parts.presence.enter(stream, user, connection)
  }

  async update(stream: string, userId: string, state: JsonObject): Promise<void> {
    this.#parts.presence.update(stream, userId, state)
  }

  async leave(stream: string, userId: string, connection: string, mayReturn: boolean): Promise<void> {
    const { presence, node } = this.#parts
    presence.leave(stream, userId, connection, mayReturn ? node.clock.now() + node.graceMs : undefined)
  }

  async present(stream: string): Promise<PresenceSnapshot> {
    return this.#parts.presence.present(stream)
  }

  /**
   * Reaches other servers of this process that have the file open, for example while a development server restarts.
   */
  relay(message: Relay): void {
    const { store, receive } = this.#parts
    store.relay(message, receive)
  }

  async close(): Promise<void> {
    this.#stopSweep()
    this.#closing ??= this.#release()
    await this.#closing
  }

  async #release(): Promise<void> {
    if (!this.#started) return
    const { store, presence, receive } = this.#started
    presence.clear()
    await store.release(receive)
  }

  get #parts(): Started {
    if (!this.#started) throw unavailable('sqlite: call start() first')
    return this.#started
  }
}

const AUTHORED = ['chat_message', 'message_edited', 'message_deleted', 'reaction_added', 'reaction_removed']

/** The author of a chat message, an edit, a deletion or a reaction. In an application's own messages, `user_id` may mean anything. */
function authorOf({ type, user_id }: JsonObject): string | undefined {
  return AUTHORED.includes(String(type)) && typeof user_id === 'string' ? user_id : undefined
}
