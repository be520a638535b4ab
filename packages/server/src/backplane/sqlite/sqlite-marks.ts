import type { Clock } from '../../api/contracts/clock.js'
import type { Position, Subscription } from '../../api/contracts/log.js'
import type { MarkStore, Reader, Reading, UserMark } from '../../api/contracts/marks.js'
import type { SharedStore } from './shared-store.js'

/** The marks in a file. */
export class SqliteMarks implements MarkStore {
  constructor(private readonly parts: () => { readonly store: SharedStore; readonly clock: Clock }) {}

  async move(stream: string, reader: Reader, to: Position): Promise<Reading & { readonly moved: boolean }> {
    const { store, clock } = this.parts()
    const reading = await store.call({ kind: 'move', stream, reader, to, at: clock.wallTime() })
    return reading as Reading & { readonly moved: boolean }
  }

  async reading(stream: string, reader: Reader): Promise<Reading> {
    return (await this.parts().store.call({ kind: 'reading', stream, reader })) as Reading
  }

  async watch(changed: (stream: string) => void): Promise<Subscription> {
    const { wakes } = this.parts().store
    // A separate function for each call, so that one function that watches twice can stop twice.
    const own = (stream: string) => changed(stream)
    wakes.add(own)
    return { close: () => void wakes.delete(own) }
  }

  async list(stream: string, most: number): Promise<readonly UserMark[]> {
    return (await this.parts().store.call({ kind: 'marks', stream, most })) as readonly UserMark[]
  }
}
