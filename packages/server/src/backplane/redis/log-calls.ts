import type { Range } from '../../api/contracts/log.js'
import type { Amends, Append, ReactionsChange } from './append.js'
import { BAN_NEWS, type Keys } from './keys.js'
import type { Rewrite } from './log-editor.js'
import { keyField, sentField, textDigest, userMark } from './log-fields.js'
import type { RedisSettings } from './options.js'

import type { ScriptCall } from './script.js'

/** The keys and arguments of the scripts that work on the log of a stream. */
export class LogCalls {
  constructor(
    private readonly keys: Keys,
    private readonly settings: RedisSettings,
  ) {}

  append(append: Append): ScriptCall {
    const { timestampMs, sender, idempotency, writer, amends, readBy } = append
    const field = sender
      ? sentField(sender.userId, sender.clientId)
      : idempotency
        ? keyField(idempotency.key)
        : ''
    const fingerprint = (sender ?? idempotency)?.fingerprint ?? ''
    const mark = sender ? userMark(sender.userId) : ''
    const { seen, after } = sender ?? {}
    const against = writer ? `${writer.kinds.includes('mute') ? 'all' : 'ban'} ${writer.userId}` : ''
    const more = amends ? amendArgs(amends) : this.#readArgs(readBy)
    const place = after ? [after.epoch, after.offset, after.id] : more.length > 0 ? ['', '', ''] : []
    const args = [timestampMs, field, fingerprint, mark, against, seen ?? '', ...place, ...more]
    const keys = this.rewriteKeys(append.stream)
    if (writer) keys.push(this.keys.restricted(append.stream))
    return { keys, args: [...this.#appendArgs(append), ...args] }
  }

  rewriteAndAppend(rewrites: readonly Rewrite[], append: Append): ScriptCall {
    return {
      keys: this.rewriteKeys(append.stream),
      args: [...this.#appendArgs(append), ...rewriteArgs(rewrites)],
    }
  }

  read(stream: string, range: Range, idAt: number | undefined, newEpoch: string): ScriptCall {
    const { historyCount, historyBytes, historyMs, dedupeMs } = this.settings
    const { limit, maxBytes, messagesOnly } = range
    const from = 'after' in range ? range.after + 1 : range.before === undefined ? '' : range.before - 1
    const direction = 'after' in range ? 'after' : 'before'
    const bounds = [historyCount, historyBytes, historyMs]
    return {
      keys: [this.keys.log(stream)],
      args: [
        newEpoch,
        dedupeMs,
        ...bounds,
        direction,
        from,
        limit,
        maxBytes,
        idAt ?? '',
        messagesOnly ? 1 : 0,
      ],
    }
  }

  tidy(stream: string, most: number): ScriptCall {
    const { historyCount, historyBytes, historyMs, sentMs } = this.settings
    return {
      keys: [this.keys.log(stream)],
      args: [historyCount, historyBytes, historyMs, sentMs, most],
    }
  }

  /** The log of a stream, and the feed, which a rewrite changes as well. */
  rewriteKeys(stream: string): string[] {
    const log = this.keys.log(stream)
    return this.#hasFeed(stream) ? [log, this.keys.changes] : [log]
  }

  /** Nobody but the nodes reads the news. */
  #hasFeed(stream: string): boolean {
    return this.settings.changes !== undefined && stream !== BAN_NEWS
  }

  #readArgs(userId: string | undefined): (string | number)[] {
    if (userId === undefined) return []
    return ['read_by', userId, this.settings.marksCount, this.settings.marksMs]
  }

  #appendArgs({ stream, id, open, newEpoch }: Append): (string | number)[] {
    const { historyCount, historyBytes, historyMs, sentMs, idleMs, changes } = this.settings
    const feed = this.#hasFeed(stream) ? changes : undefined
    return [
      id,
      open,
      this.keys.channel(stream),
      newEpoch,
      stream,
      this.keys.changesChannel,
      historyCount,
      historyBytes,
      historyMs,
      sentMs,
      idleMs,
      feed?.count ?? '',
      feed?.bytes ?? '',
    ]
  }
}

export function rewriteArgs(rewrites: readonly Rewrite[]): (string | number)[] {
  return rewrites.flatMap(({ offset, id, open, read }) => [offset, id, open, textDigest(read)])
}

function amendArgs(amends: Amends): (string | number)[] {
  switch (amends.status) {
    case 'refused':
      return [amends.status]
    case 'unchanged':
      return [amends.status, amends.madeBy.offset, amends.madeBy.id, amends.madeBy.timestampMs]
    case 'changed': {
      const { status, target, read, open, previous, reactions, redactions } = amends
      const changed = [status, target, textDigest(read), ...open, previous]
      return [...changed, ...reactionArgs(reactions), ...rewriteArgs(redactions)]
    }
  }
}

function reactionArgs(change: ReactionsChange | undefined): readonly string[] {
  switch (change?.kind) {
    case undefined:
      return ['', '', '']
    case 'note':
      return [change.field, change.isOn ? '+' : '-', change.name]
    case 'forget':
      return [change.field, '', change.start]
    case 'drop':
      return ['all', '', '']
  }
}
