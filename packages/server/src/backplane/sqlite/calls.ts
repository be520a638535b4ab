import type { Erasures } from './erasures.js'
import type { CallRequest } from './requests.js'
import type { Store } from './store.js'
import type { StoreFile } from './store-file.js'
import type { Sweep } from './sweep.js'

/** The work of the store other than publishing. Each call takes a few ms, or is done in steps. */
export class Calls {
  constructor(
    private readonly file: StoreFile,
    private readonly store: Store,
    private readonly sweep: Sweep,
    private readonly erasures: Erasures,
    private readonly close: () => void,
  ) {}

  serve(call: CallRequest): unknown {
    const { file, store } = this
    switch (call.kind) {
      case 'read':
        return store.read(call)
      case 'feed':
        return store.feed.read(call)
      case 'again':
        return store.feed.again(call)
      case 'written':
        return store.writtenBy(call)
      case 'reacted':
        return store.reactionsOf(call)
      case 'reaction_users':
        return store.reactionUsers(call)
      case 'own_reactions':
        return store.ownReactions(call)
      case 'consumer':
        return store.feed.cursorOf(call.name)
      case 'consumed':
        return file.commit(() => store.feed.keepCursor(call.name, call.cursor))
      case 'move':
        return file.commit(() => store.marks.move(call.stream, call.reader, call.to, call.at))
      case 'reading':
        return store.marks.reading(call.stream, call.reader)
      case 'marks_of':
        return store.marks.of(call.user, call.after)
      case 'marks':
        return store.marks.list(call.stream, call.most)
      case 'sweep':
        return file.commit(() => this.sweep.run(call))
      case 'delete':
        return file.commit(() => store.delete(call.stream))
      case 'keep_profile':
        return file.commit(() => store.profiles.keep(call.user, call.profile))
      case 'profiles':
        return store.profiles.of(call.users)
      case 'restrict':
        return file.commit(() => store.restrictions.set(call))
      case 'restricted':
        return store.restrictions.of(call.stream, call.user)
      case 'restricted_users':
        return store.restrictions.list(call)
      case 'erase':
        return this.erasures.erase(call.user)
      case 'go_on':
        return this.erasures.goOn()
      case 'backup':
        return file.backUp(call.file)
      case 'compact':
        return file.compact()
      case 'close':
        return this.close()
    }
  }
}
