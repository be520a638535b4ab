import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Protocol } from '@roomful/protocol'
import * as z from 'zod/mini'
import type { Contract } from './contract.js'
import type { Schema } from './schema.js'

const TYPESCRIPT = /\.[cm]?tsx?$/

/** Runs a module, and returns the contract that it exports. @throws Error with one sentence for a person */
export async function loadProtocol(path: string): Promise<Protocol> {
  const file = resolve(path)
  if (!existsSync(file)) throw new Error(`there is no file ${path}`)
  const exported = await importModule(file, path)
  const found = Object.values(exported).filter(isProtocol)
  const named = [exported.protocol, exported.default].find(isProtocol)
  const protocol = named ?? found[0]
  if (!protocol)
    throw new Error(`${path} exports no contract: export what defineProtocol returns, as protocol`)
  if (!named && found.length > 1)
    throw new Error(`${path} exports several contracts: call the one to check protocol`)
  return protocol
}

async function importModule(file: string, path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const how = 'run it with tsx: npx tsx node_modules/.bin/roomful contract check …, or compile it first'
    if (TYPESCRIPT.test(file) && code === 'ERR_UNKNOWN_FILE_EXTENSION')
      throw new Error(`Node ${process.version} cannot read TypeScript (22.18 and later can); ${how}`, {
        cause,
      })
    if (
      TYPESCRIPT.test(file) &&
      (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    )
      throw new Error(`Node cannot read ${path} by itself (${firstLine(message)}); ${how}`, { cause })
    throw new Error(`${path} cannot be loaded: ${firstLine(message ?? String(cause))}`, { cause })
  }
}

/** By its shape: it may be made by another copy of the package. */
function isProtocol(value: unknown): value is Protocol {
  if (typeof value !== 'object' || value === null || !('client' in value && 'server' in value)) return false
  return isObject(value.client) && isObject(value.server) && 'chat' in value
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const Body = z.custom<Schema>(isObject)
const Lock = z.object({
  roomful: z.literal(1),
  client: z.record(z.string(), z.object({ body: Body, reply: z.optional(Body) })),
  server: z.record(z.string(), z.object({ body: Body, volatile: z.boolean() })),
  chat: z.optional(Body),
})

/** `undefined` if there is none. @throws Error with one sentence for a person */
export function readLock(path: string): Contract | undefined {
  if (!existsSync(path)) return undefined
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new Error(`${path} cannot be read as JSON; if it is in the middle of a merge, finish that first`, {
      cause,
    })
  }
  const lock = z.safeParse(Lock, content)
  if (!lock.success) throw new Error(`${path} is no lock of this version; make it anew with --update`)
  return lock.data as Contract
}

/** Sorted, so that the difference of two commits shows what changed. */
export function writeLock(path: string, contract: Contract): void {
  writeFileSync(path, `${JSON.stringify(contract, null, 2)}\n`)
}

const firstLine = (text: string) => text.split('\n')[0] ?? ''
