import type { ProfileRows } from './profile-table.js'
import type { WrittenReactions } from './reactors.js'
import type { WrittenPage } from './requests.js'
import type { SharedStore } from './shared-store.js'

/** How many entries an export reads at once. */
const PAGE = { limit: 500, maxBytes: 1024 * 1024 }

export type Exported = { readonly room: string } | { readonly user: string }

/** One JSON text for each entry of a room, or of what is a user's. @throws TypeError */
export async function* exportFrom(store: SharedStore, what: Exported): AsyncGenerator<string, void> {
  const { room, user } = checked(what)
  yield* logOf(store, room ?? `@user:${user}`)
  if (user !== undefined) {
    yield* pagesOf(store, 'written', user)
    yield* reactedBy(store, user)
    yield* pagesOf(store, 'marks_of', user)
    yield* profileOf(store, user)
  }
}

async function* logOf(store: SharedStore, stream: string): AsyncGenerator<string, void> {
  for (let after = 0, more = true; more; ) {
    const { entries, oldest, ...page } = await store.read(stream, { after, ...PAGE }, undefined)
    if (oldest.message < oldest.entry) yield* messagesBefore(store, stream, after, oldest.entry)
    for (const { text } of entries) yield text
    after = entries.at(-1)?.offset ?? after
    more = page.more && entries.length > 0
  }
}

/** Messages that the log has dropped to make space for amendments. */
async function* messagesBefore(
  store: SharedStore,
  stream: string,
  first: number,
  end: number,
): AsyncGenerator<string, void> {
  for (let after = first; after < end - 1; ) {
    const { entries } = await store.read(stream, { after, ...PAGE, messagesOnly: true }, undefined)
    const older = entries.filter(({ offset }) => offset < end)
    for (const { text } of older) yield text
    after = older.length < entries.length ? end : (entries.at(-1)?.offset ?? end)
  }
}

async function* pagesOf(
  store: SharedStore,
  kind: 'written' | 'marks_of',
  user: string,
): AsyncGenerator<string, void> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = (await store.call({ kind, user, after })) as WrittenPage
    yield* page.texts
    after = page.next
  }
}

async function* reactedBy(store: SharedStore, user: string): AsyncGenerator<string, void> {
  for (let after: WrittenReactions['next'] = { room: 0, target: 0, reaction: '' }; after; ) {
    const page = (await store.call({ kind: 'reacted', user, after })) as WrittenReactions
    yield* page.texts
    after = page.next
  }
}

async function* profileOf(store: SharedStore, user: string): AsyncGenerator<string, void> {
  const rows = (await store.call({ kind: 'profiles', users: [user] })) as ProfileRows
  for (const [user_id, profile] of rows)
    yield JSON.stringify({ type: 'set_profile', user_id, profile: JSON.parse(profile) })
}

function checked(what: Exported): { readonly room?: string; readonly user?: string } {
  const { room, user, ...others }: { room?: string; user?: string } = what
  const given = [room, user].filter((name) => typeof name === 'string' && name !== '')
  if (given.length !== 1 || Object.keys(others).length > 0)
    throw new TypeError("export: name either a room or a user, such as { room: 'general' }")
  return { ...(room !== undefined && { room }), ...(user !== undefined && { user }) }
}
