import type { ProfileStore } from '../../api/contracts/profiles.js'

/** The profiles in Redis. Each method is one command. */
export interface RedisProfileStore extends ProfileStore {
  forget(userId: string): Promise<void>
}
