import type { OwnReactions, Position, ReactionUsers } from '../../api/contracts/backplane.js'
import type { Driver } from './driver.js'
import { Feed } from './feed.js'
import { Group } from './group.js'
import { Marks } from './marks.js'
import { Pages } from './pages.js'
import { ProfileTable } from './profile-table.js'
import { Reactors, type WrittenReactions } from './reactors.js'
import type {
  OwnReactionsRequest,
  Page,
  ReactedRequest,
  ReadRequest,
  UsersRequest,
  WrittenPage,
  WrittenRequest,
} from './requests.js'
import { RestrictionTable } from './restriction-table.js'
import { Rooms } from './rooms.js'
import { metaIn } from './schema.js'
import { Texts } from './texts.js'
import { writtenBy } from './written.js'

/** The logs in the file, read and written synchronously. */
export class Store {
  readonly feed: Feed
  readonly texts: Texts
  readonly reactors: Reactors
  readonly restrictions: RestrictionTable
  readonly profiles: ProfileTable
  readonly marks: Marks
  readonly #rooms: Rooms
  readonly #pages: Pages

  constructor(
    private readonly driver: Driver,
    /** Client messages were recorded. */
    private readonly remembered: (count: number) => void,
    mostMarks: number,
  ) {
    const storeId = metaIn(driver, 'store')
    this.#rooms = new Rooms(driver, storeId)
    this.#pages = new Pages(driver, this.#rooms)
    this.texts = new Texts(driver, this.#rooms)
    this.reactors = new Reactors(driver)
    this.restrictions = new RestrictionTable(driver)
    this.profiles = new ProfileTable(driver)
    this.marks = new Marks(driver, this.#rooms, this.texts, mostMarks)
    this.feed = new Feed(driver, storeId, this.#rooms)
  }

  writtenBy(request: WrittenRequest): WrittenPage {
    return writtenBy(this.driver, this.#rooms, request)
  }

  reactionsOf({ user, after }: ReactedRequest): WrittenReactions {
    return this.reactors.written(user, after)
  }

  reactionUsers(request: UsersRequest): ReactionUsers {
    return this.reactors.users(this.#rooms.find(request.stream), this.texts, request)
  }

  ownReactions(request: OwnReactionsRequest): readonly OwnReactions[] {
    return this.reactors.of(this.#rooms.find(request.stream), request)
  }

  /** For the publishes of one transaction, which has begun. */
  group(): Group {
    const { reactors, restrictions, marks, texts } = this
    return new Group(this.driver, this.#rooms, texts, reactors, restrictions, marks, this.remembered)
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
