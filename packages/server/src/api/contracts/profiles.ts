import type { JsonObject } from '@roomful/protocol'

/** Keeps what users are called, for as long as messages of theirs may be kept. */
export interface ProfileStore {
  /** Notes the profile of a user who writes now, in the place of an earlier one. */
  keep(userId: string, profile: JsonObject): Promise<void>
  /** The profiles of those users who have one. */
  of(userIds: readonly string[]): Promise<ReadonlyMap<string, JsonObject>>
}
