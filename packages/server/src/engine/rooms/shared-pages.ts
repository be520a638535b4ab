import type { Backplane, Position, Range } from '../../api/contracts/backplane.js'
import { coversOf } from '../../backplane/log/page.js'
import type { CoveringPage } from '../connection/page-frames.js'
import type { Room } from './room.js'

type ReadPage = Promise<Awaited<ReturnType<Backplane['read']>> & CoveringPage>

/** The approximate size of a page without entries. */
const PAGE_BYTES = 1_024

/**
 * Pages of logs that several members request at about the same time, for example after a restart. Each page is read
 * once and, being one object, turned into JSON once. Pages are kept by the room's head, so that none lacks an entry
 * that its reader has missed.
 */
export class SharedPages {
  #pages = new Map<string, ReadPage>()
  #bytes = 0

  constructor(
    private readonly backplane: Backplane,
    private readonly maxBytes: number,
  ) {}

  read({ stream, head }: Pick<Room, 'stream' | 'head'>, range: Range, since?: Position): ReadPage {
    const name = JSON.stringify([stream, head, range, since])
    const known = this.#pages.get(name)
    if (known) return known
    const page = this.#read(stream, range, since)
    this.#pages.set(name, page)
    return page
  }

  /** Called soon, because entries are also dropped by age or by hand, without a notification. */
  forget(): void {
    this.#pages = new Map()
    this.#bytes = 0
  }

  async #read(stream: string, range: Range, since: Position | undefined): Promise<Awaited<ReadPage>> {
    const pages = this.#pages
    try {
      const page = await this.backplane.read(stream, range, since)
      this.#bytes += PAGE_BYTES
      for (const { text } of page.entries) this.#bytes += text.length
      if (this.#bytes > this.maxBytes) this.forget()
      return { ...page, covers: coversOf(page, range) }
    } catch (error) {
      // The next reader asks again.
      if (pages === this.#pages) this.forget()
      throw error
    }
  }
}
