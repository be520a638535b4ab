import { defineProtocol } from '@roomful/protocol'
import { type Change, createServer, type LogAmendment, type LogMessage } from '@roomful/server'
import { expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({ server: { moved: z.object({ from: z.string() }) } })

// Checked by the compiler alone: nothing here runs.
async function uses() {
  const server = createServer({ protocol })
  for await (const change of server.changes({ after: 'x', limit: 5 })) {
    expectTypeOf(change).toEqualTypeOf<Change<typeof protocol>>()
    expectTypeOf(change.userId).toEqualTypeOf<string | undefined>()
    if (change.message.type === 'moved') expectTypeOf(change.message.from).toEqualTypeOf<string>()
    else expectTypeOf(change.message.user_id).toEqualTypeOf<string>()
  }
  const consumer = server.consume('index', async (changes, { signal, missed, attempt }) => {
    expectTypeOf(changes).toEqualTypeOf<readonly Change<typeof protocol>[]>()
    expectTypeOf(changes.map(({ message }) => message)).toEqualTypeOf<
      (LogMessage<typeof protocol> | LogAmendment<typeof protocol>)[]
    >()
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
    expectTypeOf(missed).toEqualTypeOf<boolean>()
    expectTypeOf(attempt).toEqualTypeOf<number>()
  })
  expectTypeOf(await consumer.stop()).toEqualTypeOf<void>()
  // @ts-expect-error: no such place
  server.changes({ from: 'start' })
}

it('changes and what a consumer gets are typed by the protocol', () => {
  expectTypeOf(uses).toBeFunction()
})
