import type { RestrictedUser, RestrictionKind } from '../../api/contracts/restrictions.js'
import type { Keys } from './keys.js'
import { BANNED, RESTRICT, RESTRICTED_USERS } from './lua/restrict.js'
import * as replies from './replies.js'
import type { RestrictionStore } from './restriction-store.js'
import { Script, type ScriptCall } from './script.js'

/** What it uses of the store's connections. */
export interface RestrictionDeps {
  readonly keys: Keys
  run(script: Script, call: ScriptCall): Promise<unknown>
}

const SCRIPTS = {
  restrict: new Script(RESTRICT),
  banned: new Script(BANNED),
  users: new Script(RESTRICTED_USERS),
}

export class NodeRedisRestrictions implements RestrictionStore {
  /** @param deps asked for each time, for there is none before Redis is connected */
  constructor(private readonly deps: () => RestrictionDeps) {}

  async restrict(stream: string, userId: string, kind: RestrictionKind, forMs: number): Promise<void> {
    const { keys, run } = this.deps()
    const ms = Number.isFinite(forMs) ? Math.ceil(forMs) : ''
    await run(SCRIPTS.restrict, { keys: [keys.restricted(stream)], args: [kind, ms, userId] })
  }

  async bannedFor(stream: string, userId: string): Promise<number | undefined> {
    const { keys, run } = this.deps()
    const reply = await run(SCRIPTS.banned, { keys: [keys.restricted(stream)], args: [userId] })
    return replies.bannedFor(reply)
  }

  async *restricted(stream: string): AsyncGenerator<RestrictedUser, void> {
    const { keys, run } = this.deps()
    for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
      const reply = await run(SCRIPTS.users, { keys: [keys.restricted(stream)], args: [cursor] })
      const page = replies.restrictedUsers(reply)
      yield* page.users
      cursor = page.next
    }
  }
}
