import { defineProtocol, type Protocol, request, volatile } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { compareContracts } from '../../src/contract/compare.js'
import { describeContract } from '../../src/contract/contract.js'

const text = z.string()
const most = (length: number) => z.string().check(z.maxLength(length))

/** What changes, as lines: the breaking ones begin with `!`. */
function changes(old: object, now: object): readonly string[] {
  const [before, after] = [old, now].map((protocol) => describeContract(protocol as Protocol))
  if (!before || !after) throw new Error('There are two')
  return compareContracts(before, after).map(
    ({ isBreaking, where, says }) => `${isBreaking ? '! ' : ''}${where}: ${says}`,
  )
}

const client = (body: z.ZodMiniObject) => defineProtocol({ client: { move: body as never } })
const logged = (body: z.ZodMiniObject) => defineProtocol({ server: { moved: body as never } })
const live = (body: z.ZodMiniObject) => defineProtocol({ server: { moved: volatile(body as never) } })
const answered = (reply: z.ZodMiniObject) =>
  defineProtocol({ client: { move: request(z.object({ to: text }), reply as never) } })
const chat = (data: z.ZodMiniObject) => defineProtocol({ chat: data as never })
const nothing = defineProtocol({})

type Case = readonly [what: string, old: object, now: object, ...lines: readonly (string | RegExp)[]]

function table(cases: readonly Case[]): void {
  it.each(cases.map(([what, ...rest]) => [what, rest] as const))(
    'contract check: %s',
    (_, [old, now, ...lines]) => {
      expect(changes(old as object, now as object)).toEqual(
        (lines as readonly (string | RegExp)[]).map((line) =>
          typeof line === 'string' ? expect.stringContaining(line) : expect.stringMatching(line),
        ),
      )
    },
  )
}

describe('messages from clients', () => {
  const to = z.object({ to: text })
  table([
    ['the same contract changes nothing', client(to), client(z.object({ to: z.string() }))],
    [
      'a new message is fine, servers first',
      nothing,
      client(to),
      /^client\.move: is new\. .* deploy the servers first/,
    ],
    [
      'a removed message breaks clients that send it',
      client(to),
      nothing,
      '! client.move: is gone. Clients that still send it get unknown_type.',
    ],
    [
      'a new required field breaks old clients',
      client(to),
      client(z.object({ to: text, by: text })),
      "! client.move: the new field 'by' is required. Old clients get invalid_message.",
    ],
    [
      'a new optional field is fine',
      client(to),
      client(z.object({ to: text, by: z.optional(text) })),
      "client.move: has the new optional field 'by'.",
    ],
    [
      'a new field with a default is fine',
      client(to),
      client(z.object({ to: text, by: z._default(text, '') })),
      "client.move: has the new optional field 'by'.",
    ],
    [
      'an optional field that is required breaks',
      client(z.object({ to: z.optional(text) })),
      client(to),
      "! client.move: the field 'to' is required now, and was optional.",
    ],
    [
      'a required field that is optional is fine, servers first',
      client(to),
      client(z.object({ to: z.optional(text) })),
      /^client\.move: the field 'to' is optional now\. Old servers answer such a message by invalid_message/,
    ],
    [
      'a removed required field is fine, servers first',
      client(z.object({ to: text, by: text })),
      client(to),
      "client.move: the field 'by' is gone. Old servers answer",
    ],
    [
      'a removed optional field is fine',
      client(z.object({ to: text, by: z.optional(text) })),
      client(to),
      "client.move: no longer has the optional field 'by'",
    ],
    [
      'another type breaks',
      client(to),
      client(z.object({ to: z.number() })),
      "! client.move: the field 'to' must be number now, and was string.",
      "client.move: the field 'to' may be number now, and was string.",
    ],
    [
      'a number that must be whole breaks',
      client(z.object({ x: z.number() })),
      client(z.object({ x: z.int() })),
      "! client.move: the field 'x' must be integer now, and was number.",
    ],
    [
      'a whole number that may be any is fine, servers first',
      client(z.object({ x: z.int() })),
      client(z.object({ x: z.number() })),
      "client.move: the field 'x' may be number now, and was integer.",
    ],
    [
      'a shorter text breaks',
      client(z.object({ to: most(20) })),
      client(z.object({ to: most(10) })),
      "! client.move: the field 'to' has a narrower limit now: maxLength 10, before 20.",
    ],
    [
      'a first limit breaks',
      client(to),
      client(z.object({ to: most(10) })),
      "! client.move: the field 'to' has a narrower limit now: maxLength 10, before none.",
    ],
    [
      'a longer text is fine, servers first',
      client(z.object({ to: most(10) })),
      client(z.object({ to: most(20) })),
      "client.move: the field 'to' has a wider limit now: maxLength 20, before 10.",
    ],
    [
      'a value that is gone breaks',
      client(z.object({ to: z.enum(['a', 'b']) })),
      client(z.object({ to: z.enum(['a']) })),
      '! client.move: the field \'to\' may no longer be "b".',
    ],
    [
      'a new value is fine, servers first',
      client(z.object({ to: z.enum(['a']) })),
      client(z.object({ to: z.enum(['a', 'b']) })),
      'client.move: the field \'to\' may be "b" now.',
    ],
    [
      'a text that becomes a list of values breaks',
      client(to),
      client(z.object({ to: z.enum(['a', 'b']) })),
      '! client.move: the field \'to\' must be one of "a", "b" now, and was string.',
    ],
    [
      'a list of values that becomes a text is fine',
      client(z.object({ to: z.enum(['a']) })),
      client(to),
      /^client\.move: the field 'to' may be string now/,
    ],
    [
      'null that is refused breaks',
      client(z.object({ to: z.nullable(text) })),
      client(to),
      "! client.move: the field 'to' must be string now, and was null.",
    ],
    [
      'null that is allowed is fine, servers first',
      client(to),
      client(z.object({ to: z.nullable(text) })),
      "client.move: the field 'to' may be null now, and was string.",
    ],
    [
      'an object that becomes strict is no break for whom it names',
      client(to),
      client(z.strictObject({ to: text })),
      'client.move: changed in a way that nobody notices.',
    ],
    [
      'a strict object without a field that was sent breaks',
      client(z.object({ to: text, by: z.optional(text) })),
      client(z.strictObject({ to: text })),
      "! client.move: the field 'by' is refused now.",
    ],
    [
      'a field deep inside is named by its path',
      client(z.object({ moves: z.array(z.object({ from: z.optional(text) })) })),
      client(z.object({ moves: z.array(z.object({ from: text })) })),
      "! client.move: the field 'moves.*.from' is required now",
    ],
    [
      'fewer items break',
      client(z.object({ moves: z.array(text) })),
      client(z.object({ moves: z.array(text).check(z.maxLength(3)) })),
      "! client.move: the field 'moves' has a narrower limit now: maxItems 3, before none.",
    ],
    [
      'another form breaks',
      client(to),
      client(z.object({ to: z.email() })),
      "! client.move: the field 'to' must match email now.",
    ],
    [
      'another pattern breaks, since nobody can compare them',
      client(z.object({ to: z.string().check(z.regex(/a/)) })),
      client(z.object({ to: z.string().check(z.regex(/b/)) })),
      "! client.move: the field 'to' must match b now, and had to match a.",
      "client.move: the field 'to' need no longer match a.",
    ],
  ])
})

describe('variants', () => {
  const one = z.object({ kind: z.literal('one'), a: text })
  const two = z.object({ kind: z.literal('two'), b: text })
  const of = (...variants: readonly z.ZodMiniObject[]) =>
    z.object({ it: z.union(variants as never) }) as z.ZodMiniObject
  table([
    [
      'the same variants in another order change nothing that anybody notices',
      client(of(one, two)),
      client(of(two, one)),
      'changed in a way that nobody notices',
    ],
    [
      'a variant that is gone breaks',
      client(of(one, two)),
      client(of(one)),
      /^! client\.move: the field 'it\.kind' may no longer be "two"/,
    ],
    [
      'a new variant is fine, servers first',
      client(of(one)),
      client(of(one, two)),
      /^client\.move: the field 'it\.kind' may be "two" now/,
    ],
    [
      'a field of a variant is named',
      client(of(one, two)),
      client(of(one, z.object({ kind: z.literal('two'), b: text, c: text }))),
      "! client.move: the new field 'it.c' is required.",
    ],
    [
      'literals that are together a list of values are one',
      client(z.object({ x: z.union([z.literal('a'), z.literal('b')]) })),
      client(z.object({ x: z.enum(['a', 'b']) })),
      'changed in a way that nobody notices',
    ],
  ])

  const tree = (leaf: z.ZodMiniType): z.ZodMiniObject => {
    const node: z.ZodMiniObject = z.object({ leaf, children: z.array(z.lazy(() => node)) })
    return z.object({ node })
  }
  table([
    ['a schema that contains itself is compared, and ends', client(tree(text)), client(tree(text))],
    [
      'a change in one that contains itself is found',
      client(tree(z.optional(text))),
      client(tree(text)),
      "! client.move: the field 'node.leaf' is required now",
    ],
  ])
})

describe('requests', () => {
  const reply = z.object({ ok: z.boolean() })
  table([
    [
      'a request that is answered no longer breaks',
      answered(reply),
      client(z.object({ to: text })),
      '! client.move: was a request, and is answered no longer. Old clients wait',
    ],
    [
      'a message that becomes a request is fine',
      client(z.object({ to: text })),
      answered(reply),
      'client.move: is a request now.',
    ],
    [
      'a reply without a field breaks who reads it',
      answered(reply),
      answered(z.object({})),
      "! client.move: in the reply, the field 'ok' is gone. Old clients cannot read such a reply",
    ],
    [
      'a reply with one more field is fine, servers first',
      answered(reply),
      answered(z.object({ ok: z.boolean(), at: z.number() })),
      "client.move: in the reply, the new field 'at' is always there.",
    ],
  ])
})

describe('messages from the server', () => {
  const body = z.object({ by: text })
  table([
    ['a new message is fine', nothing, logged(body), 'server.moved: is new. Old clients ignore it.'],
    [
      'a removed message breaks who waits for it',
      logged(body),
      nothing,
      '! server.moved: is gone. Old clients wait for it in vain',
    ],
    [
      'a field that is gone breaks who reads it',
      logged(body),
      logged(z.object({})),
      "! server.moved: the field 'by' is gone. Old clients reject such a message as invalid_message, and do not show it.",
    ],
    [
      'a field that may be absent breaks who reads it',
      live(body),
      live(z.object({ by: z.optional(text) })),
      "! server.moved: the field 'by' is optional now. Old clients reject",
    ],
    [
      'a new value breaks who does not know it',
      live(z.object({ by: z.enum(['a']) })),
      live(z.object({ by: z.enum(['a', 'b']) })),
      '! server.moved: the field \'by\' may be "b" now. Old clients reject',
    ],
    [
      'a wider limit breaks who checks it',
      live(z.object({ by: most(3) })),
      live(z.object({ by: most(5) })),
      "! server.moved: the field 'by' has a wider limit now: maxLength 5, before 3. Old clients reject",
    ],
    [
      'a new optional field is fine',
      logged(body),
      logged(z.object({ by: text, at: z.optional(text) })),
      "server.moved: has the new optional field 'at'.",
    ],
    [
      'a new required field is fine where nothing is logged, servers first',
      live(body),
      live(z.object({ by: text, at: text })),
      "server.moved: the new field 'at' is always there. New clients reject what old servers send",
    ],
    [
      'a new required field breaks what is in the logs',
      logged(body),
      logged(z.object({ by: text, at: text })),
      "! server.moved: the new field 'at' is always there. Entries that are in the logs do not keep to that",
    ],
    [
      'a narrower limit breaks what is in the logs',
      logged(z.object({ by: most(5) })),
      logged(z.object({ by: most(3) })),
      "! server.moved: the field 'by' has a narrower limit now: maxLength 3, before 5. Entries",
    ],
    [
      'a logged message that becomes volatile breaks',
      logged(body),
      live(body),
      '! server.moved: was logged, and is volatile now.',
    ],
    [
      'a volatile message that becomes logged breaks',
      live(body),
      logged(body),
      '! server.moved: was volatile, and is logged now.',
    ],
  ])
})

describe('chat data', () => {
  table([
    ['data that is new is fine, servers first', nothing, chat(z.object({ a: text })), 'chat: has data now.'],
    [
      'data that is gone breaks',
      chat(z.object({ a: text })),
      nothing,
      '! chat: has no data any more. Old clients that send some get invalid_message.',
    ],
    [
      'a new required field breaks',
      chat(z.object({ a: text })),
      chat(z.object({ a: text, b: text })),
      "! chat: the new field 'b' is required. Old clients get invalid_message, and new ones reject such messages in the logs.",
    ],
    [
      'a field that may be absent breaks who reads it',
      chat(z.object({ a: text })),
      chat(z.object({ a: z.optional(text) })),
      "! chat: the field 'a' is optional now. Old clients reject such messages",
    ],
    [
      'a new optional field is fine',
      chat(z.object({ a: text })),
      chat(z.object({ a: text, b: z.optional(text) })),
      "chat: has the new optional field 'b'.",
    ],
  ])
})

it('contract check describes what travels: the input of a schema, and any library that says it by Standard JSON Schema', () => {
  const standard = { vendor: 'other', version: 1, validate: (value: unknown) => ({ value }) } as const
  const said = {
    ...standard,
    jsonSchema: { input: () => ({ type: 'object', properties: { a: { type: 'string' } } }) },
  }
  const protocol = defineProtocol({
    client: { move: { '~standard': said } as never, turn: z.object({ by: z._default(text, 'x') }) },
  })
  expect(describeContract(protocol as never).client).toMatchObject({
    move: { body: { properties: { a: { type: 'string' } } } },
    turn: { body: { properties: { by: { type: 'string' } } } },
  })
  expect(describeContract(protocol as never).client.turn?.body.required).toBeUndefined()
  const silent = defineProtocol({ client: { move: { '~standard': standard } as never } })
  expect(() => describeContract(silent as never)).toThrow(
    /client\.move has a schema that gives no JSON Schema/,
  )
})
