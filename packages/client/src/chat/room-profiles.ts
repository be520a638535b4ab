import type { Author, JsonObject, Member } from '@roomful/protocol'
import type { RoomCore } from '../room/room.js'
import { Value } from '../runtime/observable.js'

type Known = Member | Author

/** Maximum number of users; those whose profile was learned first are forgotten. */
const MOST = 1_000

/** What users of a room are called: its members, those who were, and the authors of its messages. */
export class RoomProfiles extends Value<ReadonlyMap<string, JsonObject>> {
  constructor({ members, report }: RoomCore) {
    super(new Map(), report)
    this.learn(members.get())
  }

  learn(users: readonly Known[] | undefined): void {
    const all = new Map(this.get())
    let isNew = false
    for (const { user_id, profile } of users ?? []) {
      if (!profile || JSON.stringify(all.get(user_id)) === JSON.stringify(profile)) continue
      all.set(user_id, profile)
      isNew = true
    }
    if (!isNew) return
    for (const oldest of all.keys()) if (all.size > MOST) all.delete(oldest)
    this.set(all)
  }

  clear(): void {
    this.set(new Map())
  }
}
