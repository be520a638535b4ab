import type { JsonObject } from '@roomful/protocol'
import type { User } from '../../api/api.js'
import type { LogEntry, ProfileStore } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import { isChatText } from '../../backplane/log/amending.js'

/** How often the profile of somebody who keeps writing is noted again, in ms. */
const KEPT_MS = 60_000
/** Maximum number of users whose profile need not be noted again. */
const MOST_KEPT = 10_000
/** Maximum number of authors of a page. */
const MOST_AUTHORS = 500

/** Notes what those are called who write, and says so with the pages that have their messages. */
export class Authors {
  /** The bytes of a page that are for profiles. */
  readonly space: number
  /** When which profile was noted last; the longest ago comes first. */
  readonly #kept = new Map<string, { readonly profile: JsonObject; readonly at: number }>()

  /** @param store absent where nobody has a profile */
  constructor(
    private readonly store: ProfileStore | undefined,
    private readonly clock: Clock,
    pageBytes: number,
  ) {
    this.space = store ? pageBytes / 8 : 0
  }

  /** Notes the profile of a user who writes, unless it was noted a moment ago. */
  async keep({ id, profile }: User): Promise<void> {
    const now = this.clock.now()
    const kept = this.#kept.get(id)
    const isKept = kept && kept.profile === profile && now - kept.at < KEPT_MS
    if (!this.store || !profile || isKept) return
    await this.store.keep(id, profile)
    this.#kept.delete(id)
    this.#kept.set(id, { profile, at: now })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }

  /** The list of those who wrote these entries and have a profile, as JSON; what is too long is left out. */
  async listOf(entries: readonly LogEntry[]): Promise<string | undefined> {
    const authors = authorsOf(entries)
    if (!this.store || authors.length === 0) return undefined
    const texts: string[] = []
    let left = this.space
    for (const [user_id, profile] of await this.store.of(authors)) {
      const text = JSON.stringify({ user_id, profile })
      left -= Buffer.byteLength(text) + 1
      if (left >= 0) texts.push(text)
    }
    return texts.length > 0 ? `[${texts.join(',')}]` : undefined
  }
}

function authorsOf(entries: readonly LogEntry[]): readonly string[] {
  const authors = new Set<string>()
  for (const { text } of entries) {
    if (authors.size === MOST_AUTHORS) break
    if (isChatText(text)) authors.add(JSON.parse(text).user_id)
  }
  return [...authors]
}
