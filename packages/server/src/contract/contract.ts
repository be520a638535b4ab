import { isRequest, isVolatile, type Protocol } from '@roomful/protocol'
import * as z from 'zod/mini'
import type { Schema } from './schema.js'

/** A contract without code: what `roomful.lock.json` holds. The schemas say what travels, which is their input. */
export interface Contract {
  readonly roomful: 1
  readonly client: Readonly<Record<string, ClientMessage>>
  readonly server: Readonly<Record<string, ServerMessage>>
  /** Of `data` in chat messages. */
  readonly chat?: Schema
}

export interface ClientMessage {
  readonly body: Schema
  /** Of a request. */
  readonly reply?: Schema
}

export interface ServerMessage {
  readonly body: Schema
  readonly volatile: boolean
}

/** @throws TypeError for a schema that cannot be described, with its place */
export function describeContract({ client, server, chat }: Protocol): Contract {
  return {
    roomful: 1,
    client: byName(
      client,
      (entry, where) =>
        isRequest(entry)
          ? { body: describe(entry.input, where), reply: describe(entry.reply, `the reply of ${where}`) }
          : { body: describe(entry, where) },
      'client',
    ),
    server: byName(
      server,
      (entry, where) =>
        isVolatile(entry)
          ? { body: describe(entry.body, where), volatile: true }
          : { body: describe(entry, where), volatile: false },
      'server',
    ),
    ...(chat && { chat: describe(chat, 'chat') }),
  }
}

function byName<E, D>(
  entries: Readonly<Record<string, E>>,
  make: (entry: E, where: string) => D,
  side: string,
): Record<string, D> {
  const names = Object.keys(entries).sort()
  return Object.fromEntries(names.map((name) => [name, make(entries[name] as E, `${side}.${name}`)]))
}

/** Libraries other than zod may say it by Standard JSON Schema. */
interface MaybeDescribed {
  readonly '~standard'?: {
    readonly vendor?: string
    readonly jsonSchema?: { input(options: { readonly target: string }): unknown }
  }
}

function describe(schema: object, where: string): Schema {
  const standard = (schema as MaybeDescribed)['~standard']
  try {
    if (standard?.vendor === 'zod')
      return plain(z.toJSONSchema(schema as z.core.$ZodType, { io: 'input', unrepresentable: 'any' }))
    if (standard?.jsonSchema) return plain(standard.jsonSchema.input({ target: 'draft-2020-12' }))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TypeError(`${where} has a schema that JSON Schema cannot express (${reason})`, { cause })
  }
  throw new TypeError(
    `${where} has a schema that gives no JSON Schema; zod does, and others by ~standard.jsonSchema`,
  )
}

/** Without what describes and decides nothing. */
function plain(schema: unknown): Schema {
  const text = JSON.stringify(schema, (key, value: unknown) => (key === '$schema' ? undefined : value))
  return JSON.parse(text) as Schema
}
