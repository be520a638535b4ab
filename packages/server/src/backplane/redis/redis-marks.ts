import type { Position, Subscription } from '../../api/contracts/log.js'
import type { MarkStore, Reader, Reading, UserMark } from '../../api/contracts/marks.js'
import type { MarkCommands } from './mark-commands.js'

/** Without a log, there is nothing to read. */
const NOTHING: Reading = { mark: undefined, head: undefined, unread: 0, mentions: 0 }

export class RedisMarks implements MarkStore {
  constructor(private readonly commands: MarkCommands) {}

  async move(stream: string, reader: Reader, to: Position): Promise<Reading & { readonly moved: boolean }> {
    return (await this.commands.move(stream, reader, to)) ?? { ...NOTHING, moved: false }
  }

  async reading(stream: string, reader: Reader): Promise<Reading> {
    return (await this.commands.reading(stream, reader)) ?? NOTHING
  }

  list(stream: string, most: number): Promise<readonly UserMark[]> {
    return this.commands.list(stream, most)
  }

  watch(changed: (stream: string) => void): Promise<Subscription> {
    return this.commands.watch(changed)
  }
}
