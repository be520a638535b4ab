import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, it } from 'vitest'
import { connectExtended } from '../support/connect.js'
import { type Answer, KEY, serveApi } from '../support/http-api.js'

interface Content {
  readonly [type: string]: { readonly schema: object }
}

interface Operation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

const ajv = new Ajv2020({ strict: true })

/** Each operation with a call that it answers, and a body that it takes. */
const calls: Readonly<Record<string, readonly [method: string, path: string, body?: object]>> = {
  sendMessage: ['POST', '/rooms/general/messages', { message: 'Hello', as: 'ana' }],
  editMessage: ['PATCH', '/rooms/general/messages/MESSAGE', { offset: 1, message: 'Hello, all' }],
  addReaction: ['POST', '/rooms/general/messages/MESSAGE/reactions', { offset: 1, reaction: '👍' }],
  removeReaction: ['DELETE', '/rooms/general/messages/MESSAGE/reactions?offset=1&reaction=x'],
  deleteMessage: ['DELETE', '/rooms/general/messages/MESSAGE?offset=1'],
  listRooms: ['GET', '/rooms?limit=1'],
  readMessages: ['GET', '/rooms/general/messages?limit=1'],
  getSnapshot: ['GET', '/rooms/general/snapshot?as=ana'],
  getRoom: ['GET', '/rooms/general'],
  listMembers: ['GET', '/rooms/general/members'],
  removeMember: ['DELETE', '/rooms/general/members/ana'],
  muteMember: ['POST', '/rooms/general/members/ana/mute', { for_ms: 60_000 }],
  unmuteMember: ['POST', '/rooms/general/members/ana/unmute'],
  banMember: ['POST', '/rooms/general/members/ana/ban', {}],
  unbanMember: ['POST', '/rooms/general/members/ana/unban'],
  publishToUser: ['POST', '/users/ana/messages', { type: 'paid' }],
  // HEAD, because the body of GET does not end.
  streamMessages: ['HEAD', '/rooms/general/stream'],
  banUser: ['POST', '/users/bob/ban', { for_ms: 60_000 }],
  unbanUser: ['POST', '/users/bob/unban'],
  listRoomRestrictions: ['GET', '/rooms/general/restrictions?limit=1'],
  listRestrictions: ['GET', '/restrictions'],
  disconnectUser: ['POST', '/users/ana/disconnect', { code: 4000 }],
}

it('the OpenAPI document describes every call: bodies, answers and errors are as its schemas say', async () => {
  const { url, call } = await serveApi()
  await (await connectExtended(url)).join('general')
  const document = (await call('GET', '/openapi.json')).body as Document
  expect(document.openapi).toBe('3.1.0')
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(calls).sort())
  const { Problem = {} } = document.components.schemas
  const sent = await call('POST', '/rooms/general/messages', { message: 'Hi' })
  const isDeletion = ({ operationId }: Operation) => Number(operationId === 'deleteMessage')
  // Last, since the others are about that message too.
  operations.sort((a, b) => isDeletion(a) - isDeletion(b))
  for (const { operationId, requestBody, responses } of operations) {
    const [method, path, body] = calls[operationId] ?? ['', '']
    if (requestBody) expectFit(requestBody.content['application/json']?.schema, body)
    const answer = await call(method, path.replace('MESSAGE', idIn(sent)), body)
    const isRefused = answer.status === 400
    // This protocol declares no message of its own.
    expect(isRefused, operationId).toBe(operationId === 'publishToUser')
    if (isRefused) expectFit(Problem, answer.body)
    else expectDescribed(answer, responses)
  }
})

const idIn = ({ body }: Answer): string => (body as { readonly id: string }).id

it('the OpenAPI document names every part of a path as its parameter', async () => {
  const { call } = await serveApi()
  const { paths } = (await call('GET', '/openapi.json')).body as Document
  for (const [path, operations] of Object.entries(paths)) {
    const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const { parameters } of Object.values(operations)) {
      expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(parts)
      for (const { schema } of parameters) expect(ajv.validateSchema(schema)).toBe(true)
    }
  }
})

it('the OpenAPI document is served to who has the key alone', async () => {
  const { base, call } = await serveApi()
  expect((await fetch(`${base}/openapi.json`)).status).toBe(401)
  expect((await call('GET', '/openapi.json', undefined, { authorization: `Bearer ${KEY}` })).status).toBe(200)
})

function expectDescribed({ status, headers, body }: Answer, responses: Operation['responses']): void {
  const described = responses[status]
  expect(described, `${status}`).toBeDefined()
  const types = Object.keys(described?.content ?? {})
  expect([headers.get('content-type')].filter((type) => type !== null)).toEqual(types)
  const schema = described?.content?.['application/json']?.schema
  if (schema) expectFit(schema, body)
  else expect(body).toBeUndefined()
}

function expectFit(schema: object | undefined, value: unknown): void {
  expect(schema).toBeDefined()
  const validate = ajv.compile(schema ?? false)
  expect(validate(value), JSON.stringify({ value, errors: validate.errors })).toBe(true)
}
