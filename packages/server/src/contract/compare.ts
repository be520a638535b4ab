import { isDeepStrictEqual } from 'node:util'
import type { ClientMessage, Contract, ServerMessage } from './contract.js'
import { type Misfit, misfits, shown } from './misfits.js'
import type { Schema } from './schema.js'

/** A difference between two contracts, in words. */
export interface Change {
  /** Whether something that works with the old contract no longer works. */
  readonly isBreaking: boolean
  /** Such as `client.move`. */
  readonly where: string
  readonly says: string
}

/**
 * What changes for clients with the old contract when servers get the new one, and for entries that are in the logs. What
 * only new clients would see of old servers is a note: servers are deployed first.
 */
export function compareContracts(old: Contract, now: Contract): readonly Change[] {
  return [
    ...namesOf(old.client, now.client).flatMap((name) => {
      const [before, after] = [own(old.client, name), own(now.client, name)]
      return orHarmless(`client.${name}`, before, after, compareClient(`client.${name}`, before, after))
    }),
    ...namesOf(old.server, now.server).flatMap((name) => {
      const [before, after] = [own(old.server, name), own(now.server, name)]
      return orHarmless(`server.${name}`, before, after, compareServer(`server.${name}`, before, after))
    }),
    ...orHarmless(
      'chat',
      old.chat && { body: old.chat },
      now.chat && { body: now.chat },
      compareChat(old.chat, now.chat),
    ),
  ]
}

interface Described {
  readonly body: Schema
}

/** Also says what changed and hurts nobody, so that it gets into the lock, which protects it from then on. */
function orHarmless(
  where: string,
  old: Described | undefined,
  now: Described | undefined,
  changes: readonly Change[],
): readonly Change[] {
  if (changes.length > 0 || isDeepStrictEqual(old, now)) return changes
  const [before, after] = [Object.keys(old?.body.properties ?? {}), Object.keys(now?.body.properties ?? {})]
  const [added, gone] = [
    after.filter((name) => !before.includes(name)),
    before.filter((name) => !after.includes(name)),
  ]
  if (added.length > 0)
    return [
      fine(
        where,
        `has the new optional field ${added.map(quoted).join(', ')}. Who does not know it leaves it out, and ignores it.`,
      ),
    ]
  if (gone.length > 0)
    return [
      fine(
        where,
        `no longer has the optional field ${gone.map(quoted).join(', ')}. Who still sends it is not heard, and who still reads it finds it absent.`,
      ),
    ]
  return [fine(where, 'changed in a way that nobody notices.')]
}

function compareClient(
  where: string,
  old: ClientMessage | undefined,
  now: ClientMessage | undefined,
): readonly Change[] {
  if (!old)
    return [
      fine(
        where,
        'is new. Servers that do not have it yet answer it by unknown_type: deploy the servers first.',
      ),
    ]
  if (!now) return [breaking(where, 'is gone. Clients that still send it get unknown_type.')]
  return [
    ...misfits(old.body, now.body).map((misfit) =>
      breaking(where, `${refused(misfit)}. Old clients get invalid_message.`),
    ),
    ...misfits(now.body, old.body).map((misfit) =>
      fine(
        where,
        `${allowed(misfit)}. Old servers answer such a message by invalid_message: deploy the servers first.`,
      ),
    ),
    ...compareReplies(where, old.reply, now.reply),
  ]
}

function compareReplies(where: string, old: Schema | undefined, now: Schema | undefined): readonly Change[] {
  if (old && !now)
    return [
      breaking(
        where,
        'was a request, and is answered no longer. Old clients wait for a reply until their time-out.',
      ),
    ]
  if (!old && now)
    return [fine(where, 'is a request now. Old clients send it without asking for a reply, and get none.')]
  if (!old || !now) return []
  return [
    ...misfits(now, old).map((misfit) =>
      breaking(
        where,
        `in the reply, ${sent(misfit)}. Old clients cannot read such a reply: their request fails with invalid_message.`,
      ),
    ),
    ...misfits(old, now).map((misfit) =>
      fine(
        where,
        `in the reply, ${promised(misfit)}. New clients cannot read the replies of old servers: deploy the servers first.`,
      ),
    ),
  ]
}

function compareServer(
  where: string,
  old: ServerMessage | undefined,
  now: ServerMessage | undefined,
): readonly Change[] {
  if (!old) return [fine(where, 'is new. Old clients ignore it.')]
  if (!now)
    return [breaking(where, 'is gone. Old clients wait for it in vain, and new ones ignore it in the logs.')]
  const isLogged = !now.volatile && !old.volatile
  return [
    ...compareKinds(where, old.volatile, now.volatile),
    ...misfits(now.body, old.body).map((misfit) =>
      breaking(
        where,
        `${sent(misfit)}. Old clients reject such a message as invalid_message, and do not show it.`,
      ),
    ),
    ...misfits(old.body, now.body).map((misfit) =>
      isLogged
        ? breaking(
            where,
            `${promised(misfit)}. Entries that are in the logs do not keep to that: new clients reject them as invalid_message.`,
          )
        : fine(
            where,
            `${promised(misfit)}. New clients reject what old servers send: deploy the servers first.`,
          ),
    ),
  ]
}

function compareKinds(where: string, wasVolatile: boolean, isVolatile: boolean): readonly Change[] {
  if (wasVolatile === isVolatile) return []
  return [
    breaking(
      where,
      isVolatile
        ? 'was logged, and is volatile now. Who is away for a moment no longer gets it, and its entries in the logs are read as if they were live.'
        : 'was volatile, and is logged now. Old clients get after a reconnect, as if it were live, what is long past.',
    ),
  ]
}

/** Chat data is written by clients, checked by servers, kept in logs, and read by clients. */
function compareChat(old: Schema | undefined, now: Schema | undefined): readonly Change[] {
  const where = 'chat'
  if (!old && !now) return []
  if (!old)
    return [
      fine(
        where,
        'has data now. Old clients ignore it, and old servers answer messages with data by invalid_message: deploy the servers first.',
      ),
    ]
  if (!now) return [breaking(where, 'has no data any more. Old clients that send some get invalid_message.')]
  return [
    ...misfits(old, now).map((misfit) =>
      breaking(
        where,
        `${refused(misfit)}. Old clients get invalid_message, and new ones reject such messages in the logs.`,
      ),
    ),
    ...misfits(now, old).map((misfit) =>
      breaking(
        where,
        `${allowed(misfit)}. Old clients reject such messages of new ones, and do not show them.`,
      ),
    ),
  ]
}

/** What a server with the new contract refuses, where old clients write. */
function refused({ path, what }: Misfit): string {
  switch (what.kind) {
    case 'absent':
      return what.isUnknown
        ? `the new field ${quoted(path)} is required`
        : `${place(path)} is required now, and was optional`
    case 'unknown':
      return `${place(path)} is refused now`
    case 'type':
      return `${place(path)} must be ${what.read} now, and was ${what.written}`
    case 'values':
      return `${place(path)} may no longer be ${shown(what.values)}`
    case 'limit':
      return `${place(path)} has a narrower limit now: ${limitOf(what)}`
    case 'form':
      return `${place(path)} must match ${what.read} now${what.written === undefined ? '' : `, and had to match ${what.written}`}`
  }
}

/** What a client with the new contract may write, and an old reader refuses. */
function allowed({ path, what }: Misfit): string {
  switch (what.kind) {
    case 'absent':
      return what.isUnknown ? `${place(path)} is gone` : `${place(path)} is optional now`
    case 'unknown':
      return `${place(path)} is new`
    case 'type':
      return `${place(path)} may be ${what.written} now, and was ${what.read}`
    case 'values':
      return `${place(path)} may be ${shown(what.values)} now`
    case 'limit':
      return `${place(path)} has a wider limit now: ${widerLimitOf(what)}`
    case 'form':
      return `${place(path)} need no longer match ${what.read}`
  }
}

/** What a server with the new contract may send, and an old client refuses. */
const sent = allowed

/** What a client with the new contract relies on, and old servers and old entries do not keep to. */
function promised({ path, what }: Misfit): string {
  switch (what.kind) {
    case 'absent':
      return what.isUnknown
        ? `the new field ${quoted(path)} is always there`
        : `${place(path)} is always there now, and was optional`
    case 'values':
      return `${place(path)} is never ${shown(what.values)} now`
    default:
      return refused({ path, what })
  }
}

type Limit = Extract<Misfit['what'], { kind: 'limit' }>

const limitOf = ({ name, written, read }: Limit) =>
  `${name} ${read}${written === undefined ? ', before none' : `, before ${written}`}`
const widerLimitOf = ({ name, written, read }: Limit) => `${name} ${written ?? 'none'}, before ${read}`

const quoted = (path: string) => `'${path}'`
const place = (path: string) => (path === '' ? 'the body' : `the field ${quoted(path)}`)

function breaking(where: string, says: string): Change {
  return { isBreaking: true, where, says }
}

function fine(where: string, says: string): Change {
  return { isBreaking: false, where, says }
}

function namesOf(old: object, now: object): readonly string[] {
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
}

/** A message may be called `constructor`. */
function own<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined
}
