import type { Roomful } from '@roomful/server'
import type { sqlite } from '@roomful/server/sqlite'

type Store = ReturnType<typeof sqlite>

/** Everything that is kept of a user, one JSON text a line: what to hand out on request. */
export async function exportOf(store: Store, userId: string): Promise<string[]> {
  const lines: string[] = []
  for await (const line of store.export({ user: userId })) lines.push(line)
  return lines
}

/** Ends an account. `deny` stands for your own part: from then on, `authenticate` returns null for this user. */
export async function forget(server: Roomful, store: Store, userId: string, deny: () => Promise<void>) {
  await deny() // first, so that nothing is written after the erasure
  server.user(userId).disconnect()
  await server.user(userId).erase()
  await store.compact() // rewrites the file, so that no byte is left in it; messages wait meanwhile
}
