import { randomUUID } from 'node:crypto'
import type * as r from '@roomful/server'

const KEPT = 1_000

interface Present {
  user: r.PresentUser
  readonly connections: Set<string>
  endGrace?: () => void
}

class Stream {
  readonly epoch = randomUUID()
  readonly entries: r.LogEntry[] = []
  readonly sent = new Map<string, { fingerprint: number; timestampMs: number; position: r.Position }>()
  readonly users = new Map<string, Present>()
  readonly listeners = new Set<(event: r.StreamEvent) => void>()
  head: r.Position = { epoch: this.epoch, offset: 0, id: this.epoch }
  version = 0

  constructor(private readonly occupancyChanged: (change: r.OccupancyChange) => void) {}

  get oldestOffset() {
    return this.head.offset - this.entries.length + 1
  }

  append(id: string, message: object): r.Position {
    const offset = this.head.offset + 1
    const text = JSON.stringify({ ...message, epoch: this.epoch, offset })
    const entry = { offset, id, previousId: this.head.id, text }
    this.entries.push(entry)
    this.head = { epoch: this.epoch, offset, id }
    if (this.entries.length > KEPT) this.entries.shift()
    for (const [key, { position }] of this.sent)
      if (position.offset < this.oldestOffset) this.sent.delete(key)
      else break // a map keeps the order in which its keys were set
    this.tell({ kind: 'entry', entry, epoch: this.epoch })
    return this.head
  }

  /** The offset alone proves nothing: another entry may have it. */
  fault(at: r.Position): r.Break | undefined {
    if (at.epoch !== this.epoch) return 'epoch_changed'
    if (at.offset > this.head.offset) return 'forked'
    const next = this.entries[at.offset + 1 - this.oldestOffset]
    const id = at.offset === this.head.offset ? this.head.id : next?.previousId
    return id === undefined ? 'expired' : id === at.id ? undefined : 'forked'
  }

  tellChange(event: r.PresenceEvent, user: r.PresentUser, connection?: string) {
    this.version++
    const change = { event, user, version: this.version, count: this.users.size }
    this.tell({ kind: 'presence', change, connection })
    if (event !== 'update') this.occupancyChanged({ event, userId: user.userId, count: change.count })
  }

  tell(event: r.StreamEvent) {
    for (const listener of this.listeners) listener(event)
  }
}

export class MapBackplane implements r.Backplane {
  readonly ready = true
  readonly durability = 'memory'
  readonly dedupeWindowMs = 600_000
  readonly #streams = new Map<string, Stream>()
  #node!: r.NodeLink

  async start(node: r.NodeLink) {
    this.#node = node
  }

  publish(name: string, { id, message, timestampMs, sender, idempotency }: r.Draft): r.PublishResult {
    const stream = this.#stream(name)
    const { durability } = this
    const { fingerprint } = sender ?? idempotency ?? {}
    const key = JSON.stringify(sender ? [sender.userId, sender.clientId] : [idempotency?.key])
    const known = fingerprint === undefined ? undefined : stream.sent.get(key)
    if (known && known.fingerprint !== fingerprint) return { status: 'conflict' }
    if (known) return { status: 'accepted', ...known, duplicate: true, durability }
    const { seen, after } = sender ?? {}
    if (seen !== undefined && seen < stream.oldestOffset - 1) return { status: 'forgotten' }
    const lost = after && stream.fault(after)
    if (lost && lost !== 'expired') return { status: 'out_of_order' }
    const position = stream.append(id, message)
    if (fingerprint !== undefined) stream.sent.set(key, { fingerprint, timestampMs, position })
    return { status: 'accepted', position, timestampMs, duplicate: false, durability }
  }

  async subscribe(name: string, listener: (event: r.StreamEvent) => void) {
    const { listeners } = this.#stream(name)
    listeners.add(listener)
    return { close: () => void listeners.delete(listener) }
  }

  async read(name: string, range: r.Range, since?: r.Position) {
    const stream = this.#stream(name)
    const { entries: all, epoch, head, oldestOffset } = stream
    const isForward = 'after' in range
    const before = isForward ? 0 : (range.before ?? Number.POSITIVE_INFINITY)
    const wanted = isForward
      ? all.filter(({ offset }) => offset > range.after)
      : all.filter(({ offset }) => offset < before).reverse()
    const entries: r.LogEntry[] = []
    let bytes = 0
    for (const entry of wanted) {
      bytes += Buffer.byteLength(entry.text)
      if (entries.length === range.limit || (entries.length > 0 && bytes > range.maxBytes)) break
      entries.push(entry)
    }
    const more = entries.length < wanted.length
    const truncated = isForward ? range.after + 1 < oldestOffset : oldestOffset > 1 && before > 1
    if (!isForward) entries.reverse()
    return { entries, more, truncated, epoch, head, oldestOffset, fault: since && stream.fault(since) }
  }

  async enter(name: string, user: r.PresentUser, connection: string) {
    const stream = this.#stream(name)
    const present = stream.users.get(user.userId)
    present?.endGrace?.()
    present?.connections.add(connection)
    if (!present) {
      stream.users.set(user.userId, { user, connections: new Set([connection]) })
      stream.tellChange('enter', user, connection)
    }
    return this.present(name)
  }

  async update(name: string, userId: string, state: r.PresentUser['state'] & object) {
    const stream = this.#stream(name)
    const present = stream.users.get(userId)
    if (!present) return
    present.user = { ...present.user, state }
    stream.tellChange('update', present.user)
  }

  async leave(name: string, userId: string, connection: string, mayReturn: boolean) {
    const stream = this.#stream(name)
    const present = stream.users.get(userId)
    if (!present?.connections.delete(connection) || present.connections.size > 0) return
    const remove = () => {
      stream.users.delete(userId)
      stream.tellChange('leave', present.user, connection)
    }
    if (mayReturn) present.endGrace = this.#node.clock.after(this.#node.graceMs, remove)
    else remove()
  }

  async present(name: string): Promise<r.PresenceSnapshot> {
    const { users, version } = this.#stream(name)
    const isListed = users.size <= this.#node.listedMembers
    return {
      users: isListed ? [...users.values()].map(({ user }) => user) : undefined,
      count: users.size,
      version,
    }
  }

  relay() {} // it serves one node

  async close() {
    for (const { users } of this.#streams.values()) for (const { endGrace } of users.values()) endGrace?.()
    this.#streams.clear()
  }

  #stream(name: string): Stream {
    const occupancyChanged = (change: r.OccupancyChange) => this.#node.occupancyChanged?.(name, change)
    const stream = this.#streams.get(name) ?? new Stream(occupancyChanged)
    this.#streams.set(name, stream)
    return stream
  }
}
