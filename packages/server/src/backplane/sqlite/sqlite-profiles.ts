import type { JsonObject } from '@roomful/protocol'
import type { ProfileStore } from '../../api/contracts/backplane.js'
import type { ProfileRows } from './profile-table.js'
import type { SharedStore } from './shared-store.js'

/** The profiles in a file. */
export class SqliteProfiles implements ProfileStore {
  constructor(private readonly store: () => SharedStore) {}

  async keep(user: string, profile: JsonObject): Promise<void> {
    await this.store().call({ kind: 'keep_profile', user, profile: JSON.stringify(profile) })
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
    const rows = (await this.store().call({ kind: 'profiles', users })) as ProfileRows
    return new Map(rows.map(([user, profile]) => [user, JSON.parse(profile) as JsonObject]))
  }
}
