import type { Backplane, LogPage, Position, Range } from '../../api/contracts/backplane.js'
import { coversOf } from '../../backplane/log/page.js'
import type { CoveringPage } from '../connection/page-frames.js'
import { type AroundPage, type AroundRange, readAround } from './around.js'
import type { Authors } from './authors.js'
import type { Room } from './room.js'

type ReadPage = Promise<Awaited<ReturnType<Backplane['read']>> & CoveringPage>

type WithAuthors = Pick<CoveringPage, 'users'>

type Named = Pick<Room, 'stream' | 'head'> & Partial<Pick<Room, 'acknowledged'>>

/** The approximate size of a page without entries. */
const PAGE_BYTES = 1_024

/**
 * Pages of logs that several members request at about the same time, for example after a restart. Each page is read
 * once and, being one object, turned into JSON once. Pages are kept by the room's head and by what was acknowledged last,
 * so that none lacks an entry that its reader has missed, or has written.
 */
export class SharedPages {
  #pages = new Map<string, Promise<LogPage>>()
  #bytes = 0

  constructor(
    private readonly backplane: Backplane,
    private readonly authors: Pick<Authors, 'space' | 'listOf'>,
    private readonly maxBytes: number,
  ) {}

  read(room: Named, range: Range, since?: Position): ReadPage {
    return this.#share(nameOf(room, range, since), async (space) => {
      const page = await this.backplane.read(room.stream, without(space, range), since)
      return { ...page, covers: coversOf(page, range) }
    })
  }

  readAround(room: Named, range: AroundRange): Promise<AroundPage & WithAuthors> {
    return this.#share(nameOf(room, range), (space) =>
      readAround((part, since) => this.backplane.read(room.stream, part, since), without(space, range)),
    )
  }

  /** One name has pages of one kind. `read` leaves so many bytes of the page free. */
  #share<P extends LogPage>(name: string, read: (space: number) => Promise<P>): Promise<P & WithAuthors> {
    const known = this.#pages.get(name) as Promise<P & WithAuthors> | undefined
    if (known) return known
    const page = this.#read(read)
    this.#pages.set(name, page)
    return page
  }

  /** Called soon, because entries are also dropped by age or by hand, without a notification. */
  forget(): void {
    this.#pages = new Map()
    this.#bytes = 0
  }

  async #read<P extends LogPage>(read: (space: number) => Promise<P>): Promise<P & WithAuthors> {
    const pages = this.#pages
    try {
      const { space } = this.authors
      const page = await read(space)
      const users = space > 0 ? await this.authors.listOf(page.entries) : undefined
      this.#bytes += PAGE_BYTES
      for (const { text } of page.entries) this.#bytes += text.length
      if (this.#bytes > this.maxBytes) this.forget()
      return { ...page, users }
    } catch (error) {
      // The next reader asks again.
      if (pages === this.#pages) this.forget()
      throw error
    }
  }
}

function without<R extends { readonly maxBytes: number }>(bytes: number, range: R): R {
  return { ...range, maxBytes: Math.max(0, range.maxBytes - bytes) }
}

function nameOf({ stream, head, acknowledged }: Named, ...asked: readonly unknown[]): string {
  return JSON.stringify([stream, head, acknowledged, ...asked])
}
