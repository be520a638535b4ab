import type { Position } from '../../api/contracts/backplane.js'
import type { Driver } from './driver.js'
import { Feed } from './feed.js'
import { Group } from './group.js'
import { Pages } from './pages.js'
import type { Page, ReadRequest, WrittenPage, WrittenRequest } from './requests.js'
import { Rooms } from './rooms.js'
import { metaIn } from './schema.js'
import { Texts } from './texts.js'
import { writtenBy } from './written.js'

/** The logs in the file, read and written synchronously. */
export class Store {
  readonly feed: Feed
  readonly texts: Texts
  readonly #rooms: Rooms
  readonly #pages: Pages

  constructor(
    private readonly driver: Driver,
    /** Client messages were recorded. */
    private readonly remembered: (count: number) => void,
  ) {
    const storeId = metaIn(driver, 'store')
    this.#rooms = new Rooms(driver, storeId)
    this.#pages = new Pages(driver, this.#rooms)
    this.texts = new Texts(driver, this.#rooms)
    this.feed = new Feed(driver, storeId, this.#rooms)
  }

  writtenBy(request: WrittenRequest): WrittenPage {
    return writtenBy(this.driver, this.#rooms, request)
  }

  /** For the publishes of one transaction, which has begun. */
  group(): Group {
    return new Group(this.driver, this.#rooms, this.texts, this.remembered)
  }

  read({ stream, range, since }: ReadRequest): Page {
    const room = this.#rooms.find(stream)
    return { ...this.#pages.read(room, range), fault: since && this.#rooms.fault(room, since) }
  }

  /** Ends a log, and begins an empty one under another epoch. Returns the new head. */
  delete(stream: string): Position {
    return this.#rooms.replace(this.#rooms.find(stream)).head
  }
}
