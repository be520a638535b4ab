import type { Loggable } from '../../src/room/loggable.js'

/** An entry with all that the wire gives it. */
export type WireEntry = Loggable & Readonly<Record<string, unknown>>

type Op =
  | { readonly kind: 'chat'; readonly user: string; readonly text: string }
  | { readonly kind: 'edit'; readonly user: string; readonly target: number; readonly text: string }
  | { readonly kind: 'delete'; readonly user: string; readonly target: number }
  | { readonly kind: 'erase'; readonly user: string }
  | {
      readonly kind: 'react' | 'unreact'
      readonly user: string
      readonly target: number
      readonly reaction: string
    }
  /** What an erasure leaves of the reactions to a message. */
  | { readonly kind: 'forget'; readonly user: string; readonly target: number }
  /** An application's message, and an entry of a type that no client knows. */
  | { readonly kind: 'moved' | 'unheard_of' }

export const EPOCH = 'e'
export const idAt = (offset: number): string => `id-${offset}`

/**
 * A log with amendments, and what its server would send of it. It keeps what was asked for, and folds it anew for each
 * question, so that it has nothing in common with either side's code.
 */
export class AmendedLog {
  readonly #ops: Op[] = []

  get head(): number {
    return this.#ops.length
  }

  /** Appends an operation unless a server would refuse it. */
  append(op: Op): void {
    if ('target' in op) {
      if (this.#ops[op.target - 1]?.kind !== 'chat' || this.#goneAt(op.target) !== undefined) return
    }
    if (op.kind === 'react' || op.kind === 'unreact') {
      const isOn = this.own(op.target, op.user).includes(op.reaction)
      if (isOn === (op.kind === 'react')) return
    }
    if (op.kind === 'erase') this.#forget(op.user)
    this.#ops.push(op)
  }

  #forget(user: string): void {
    const targets = new Set(
      this.#ops.flatMap((op) => (isReacting(op) && op.user === user ? [op.target] : [])),
    )
    for (const target of targets)
      if (this.#goneAt(target) === undefined) this.#ops.push({ kind: 'forget', user, target })
  }

  /** What a user has reacted to a message. */
  own(target: number, user: string): string[] {
    return this.#reactions(target, this.head).flatMap(([reaction, users]) =>
      users.has(user) ? [reaction] : [],
    )
  }

  /** Of the newest messages that a page has, what a user has reacted. */
  tail(messages: readonly WireEntry[], user: string): { offset: number; reactions: string[] }[] {
    return messages.flatMap(({ offset = 0, type }) => {
      const reactions = type === 'chat_message' ? this.own(offset, user) : []
      return reactions.length > 0 ? [{ offset, reactions }] : []
    })
  }

  /** Who reacted how to a message, what was added first at the beginning. */
  #reactions(target: number, end: number): [reaction: string, users: Set<string>][] {
    const found = new Map<string, Set<string>>()
    for (const op of this.#ops.slice(0, end)) {
      if (op.kind === 'forget' && op.target === target)
        for (const users of found.values()) users.delete(op.user)
      if (isReacting(op) && op.target === target) {
        const users = found.get(op.reaction) ?? new Set()
        if (op.kind === 'react') users.add(op.user)
        else users.delete(op.user)
        found.set(op.reaction, users)
      }
      for (const [reaction, users] of found) if (users.size === 0) found.delete(reaction)
    }
    return [...found]
  }

  #counts(target: number, end: number): { reaction: string; count: number }[] {
    return this.#reactions(target, end).map(([reaction, users]) => ({ reaction, count: users.size }))
  }

  /** An entry as a member receives it, or as a resume brings it. */
  entry(offset: number): WireEntry {
    const op = this.#ops[offset - 1]
    if (!op) throw new Error(`There is nothing at ${offset}`)
    switch (op.kind) {
      case 'chat':
        return this.message(offset)
      case 'edit': {
        const isRedacted = this.#isErased(offset, op.user) || this.#goneAt(op.target) !== undefined
        const text = isRedacted
          ? { message: '', deleted: true }
          : { message: op.text, data: { text: op.text } }
        return {
          ...place(offset, 'message_edited', op.user),
          target: targetAt(op.target),
          ...text,
        }
      }
      case 'delete':
        return { ...place(offset, 'message_deleted', op.user), target: targetAt(op.target) }
      case 'erase':
        return { ...place(offset, 'messages_erased', op.user), through: offset - 1 }
      case 'react':
      case 'unreact': {
        const type = op.kind === 'react' ? 'reaction_added' : 'reaction_removed'
        const said = this.#isErased(offset, op.user)
          ? { reaction: '', deleted: true }
          : { reaction: op.reaction }
        return { ...place(offset, type, op.user), target: targetAt(op.target), ...said }
      }
      case 'forget':
        return {
          ...place(offset, 'reactions_erased', op.user),
          target: targetAt(op.target),
          reactions: this.#counts(op.target, offset),
        }
      default:
        return place(offset, op.kind)
    }
  }

  /** A live frame: what is amended later is not in it. */
  live(offset: number): WireEntry {
    const op = this.#ops[offset - 1]
    const text = op && 'text' in op ? op.text : ''
    const entry = this.entry(offset)
    if (op?.kind === 'chat') return written(offset, op.user, text)
    if (op && isReacting(op)) return { ...entry, reaction: op.reaction, deleted: undefined }
    return op?.kind === 'edit' ? { ...entry, message: text, data: { text }, deleted: undefined } : entry
  }

  /** A message in its present state. */
  message(offset: number): WireEntry {
    const op = this.#ops[offset - 1]
    if (op?.kind !== 'chat') throw new Error(`There is no message at ${offset}`)
    const gone = this.#goneAt(offset)
    if (gone !== undefined)
      return { ...place(offset, 'chat_message', op.user), message: '', deleted: true, version: gone }
    const { edit, version = 0 } = this.#lastEdit(offset, this.head)
    const reactions = this.#counts(offset, this.head)
    const last =
      this.#ops.findLastIndex((one) => (isReacting(one) || one.kind === 'forget') && one.target === offset) +
      1
    const state = {
      reactions: reactions.length > 0 ? reactions : undefined,
      version: Math.max(version, last) || undefined,
    }
    if (edit === undefined) return { ...written(offset, op.user, op.text), ...state }
    return {
      ...written(offset, op.user, edit.text),
      edited_at: timeOf(version),
      edited_by: edit.user === op.user ? undefined : edit.user,
      ...state,
    }
  }

  /** The newest messages below an offset, without amendments, and the offsets that they account for. */
  page(before: number, limit: number): { messages: WireEntry[]; covers: { from: number; to: number } } {
    const messages: WireEntry[] = []
    let from = before
    while (from > 1 && messages.length < limit) {
      const { kind } = this.#ops[from - 2] as Op
      if (!AMENDMENTS.includes(kind)) messages.unshift(this.entry(from - 1))
      from--
    }
    return { messages, covers: { from, to: before - 1 } }
  }

  isMessage(offset: number): boolean {
    return this.#ops[offset - 1]?.kind === 'chat'
  }

  #lastEdit(offset: number, end: number): { edit?: Op & { kind: 'edit' }; version?: number } {
    const version =
      this.#ops.slice(0, end).findLastIndex((op) => op.kind === 'edit' && op.target === offset) + 1
    const edit = this.#ops[version - 1]
    return edit?.kind === 'edit' ? { edit, version } : {}
  }

  /**
   * The version of the tombstone, if the message was deleted, or if the text that it had when a user was erased was of
   * that user.
   */
  #goneAt(offset: number): number | undefined {
    const author = this.#ops[offset - 1]
    const index = this.#ops.findIndex((op, index) => {
      if (op.kind === 'delete') return op.target === offset
      if (op.kind !== 'erase' || index < offset) return false
      const { edit } = this.#lastEdit(offset, index)
      return (author?.kind === 'chat' && author.user === op.user) || edit?.user === op.user
    })
    // An erasure is logged after what it changes.
    if (index >= 0) return this.#ops[index]?.kind === 'erase' ? index : index + 1
    return undefined
  }

  #isErased(offset: number, user: string): boolean {
    return this.#ops.some((op, index) => op.kind === 'erase' && op.user === user && index >= offset)
  }
}

const AMENDMENTS: readonly Op['kind'][] = ['edit', 'delete', 'erase', 'react', 'unreact', 'forget']

function isReacting(op: Op): op is Extract<Op, { kind: 'react' | 'unreact' }> {
  return op.kind === 'react' || op.kind === 'unreact'
}

function written(offset: number, user: string, text: string): WireEntry {
  return {
    ...place(offset, 'chat_message', user),
    message: text,
    data: { text },
    mentions: ['ada'],
  }
}

function place(offset: number, type: string, user?: string): WireEntry {
  const who = user === undefined ? {} : { user_id: user, timestamp: timeOf(offset) }
  return { type, room_id: 'r', id: idAt(offset), epoch: EPOCH, offset, ...who }
}

function targetAt(offset: number): { offset: number; id: string } {
  return { offset, id: idAt(offset) }
}

function timeOf(offset: number): string {
  return new Date(offset * 1_000).toISOString()
}
