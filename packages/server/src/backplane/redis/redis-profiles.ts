import type { JsonObject } from '@roomful/protocol'
import type { Keys } from './keys.js'
import type { RedisProfileStore } from './profile-store.js'
import * as replies from './replies.js'

/** What it uses of the store's connections. */
export interface ProfileDeps {
  readonly keys: Keys
  send(...command: string[]): Promise<unknown>
}

/** Each profile is a key, which Redis removes when the last message of its user is too old. */
export class RedisProfiles implements RedisProfileStore {
  /** @param deps asked for each time, for there is none before Redis is connected */
  constructor(
    private readonly historyMs: number,
    private readonly deps: () => ProfileDeps,
  ) {}

  async keep(userId: string, profile: JsonObject): Promise<void> {
    const { keys, send } = this.deps()
    const lasts = Number.isFinite(this.historyMs) ? ['PX', String(Math.ceil(this.historyMs))] : []
    await send('SET', keys.profile(userId), JSON.stringify(profile), ...lasts)
  }

  async of(userIds: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
    const { keys, send } = this.deps()
    if (userIds.length === 0) return new Map()
    const found = replies.profiles(await send('MGET', ...userIds.map((id) => keys.profile(id))))
    return new Map(
      userIds.flatMap((id, index) => {
        const profile = found[index]
        return profile ? [[id, profile] as const] : []
      }),
    )
  }

  async forget(userId: string): Promise<void> {
    const { keys, send } = this.deps()
    await send('DEL', keys.profile(userId))
  }
}
