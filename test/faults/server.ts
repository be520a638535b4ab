import { createServer, memory, silentLogger } from '@roomful/server'
import type { Seen } from '../sim/oracle.js'
import { recorded } from '../sim/recorded.js'
import type { Answer, Question, ServerProcessOptions } from './server-process.js'

/** A server in a separate process, which tells its parent what its logs accepted and how much memory it uses. */
const options: ServerProcessOptions = JSON.parse(process.argv[2] ?? '{}')
// JSON has no Infinity: it comes as null.
const limits = Object.fromEntries(
  Object.entries(options.limits ?? {}).map(([name, value]) => [name, value ?? Number.POSITIVE_INFINITY]),
)

const logs: { readonly room: string; readonly entry: Seen }[] = []
const everything = { historyCount: 1_000_000, historyBytes: 2 ** 30, totalBytes: 2 ** 31 }
const backplane = options.memory
  ? memory(options.memory)
  : recorded(memory(everything), (room, entry) => logs.push({ room, entry }))
const server = createServer({ backplane, limits, logger: silentLogger })
const { port } = await server.listen({ port: 0 })

let faults = 0
process.on('uncaughtException', () => faults++)
process.on('unhandledRejection', () => faults++)

process.on('message', ({ id, ask }: Question) => {
  if (ask === 'memory') globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  const answers = {
    logs: () => logs,
    stats: () => ({ ...server.stats(), faults }),
    memory: () => ({ heapUsed, rss, faults }),
  }
  const answer: Answer = { id, value: answers[ask]() }
  process.send?.(answer)
})
// A parent that died cannot stop it.
process.on('disconnect', () => process.exit())
process.send?.({ id: 0, value: port } satisfies Answer)
