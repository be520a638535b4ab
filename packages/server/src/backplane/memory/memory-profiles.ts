import type { JsonObject } from '@roomful/protocol'
import type { ProfileStore } from '../../api/contracts/backplane.js'
import { heapBytes } from '../../util/heap-bytes.js'

const MAX_BYTES = 16 * 1024 * 1024
/** The measured cost of an entry without its profile, in bytes. */
const ENTRY_BYTES = 160

/** The profiles of those who wrote last, in one process. */
export class MemoryProfiles implements ProfileStore {
  /** Who wrote longest ago comes first. */
  readonly #all = new Map<string, JsonObject>()
  #bytes = 0

  async keep(userId: string, profile: JsonObject): Promise<void> {
    this.forget(userId)
    this.#all.set(userId, profile)
    this.#bytes += bytesOf(userId, profile)
    for (const oldest of this.#all.keys()) {
      if (this.#bytes <= MAX_BYTES) break
      this.forget(oldest)
    }
  }

  async of(userIds: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
    return new Map(
      userIds.flatMap((id) => {
        const profile = this.#all.get(id)
        return profile ? [[id, profile] as const] : []
      }),
    )
  }

  forget(userId: string): void {
    const profile = this.#all.get(userId)
    if (!profile) return
    this.#all.delete(userId)
    this.#bytes -= bytesOf(userId, profile)
  }
}

function bytesOf(userId: string, profile: JsonObject): number {
  return ENTRY_BYTES + 2 * userId.length + heapBytes(profile)
}
