// Fills a file with rooms, each with as many entries, of 64 bytes of text: `fill.mjs FILE ROOMS ENTRIES`.
import { createServer, silentLogger } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'

const [file, rooms, entries] = process.argv.slice(2)
const AT_ONCE = 5_000
const TEXT = 'the quick brown fox jumps over the lazy dog, again and again, ok'

const server = createServer({ backplane: sqlite({ file }), logger: silentLogger })
await server.start()
const total = Number(rooms) * Number(entries)
for (let done = 0; done < total; done += AT_ONCE) {
  const group = Array.from({ length: Math.min(AT_ONCE, total - done) }, (_, index) =>
    server.room(`room-${(done + index) % Number(rooms)}`).chat.send(TEXT, { as: `user-${index % 100}` }),
  )
  await Promise.all(group)
}
await server.close()
