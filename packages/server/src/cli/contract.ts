import { parseArgs } from 'node:util'
import { type Change, compareContracts } from '../contract/compare.js'
import { type Contract, describeContract } from '../contract/contract.js'
import { loadProtocol, readLock, writeLock } from '../contract/load.js'
import { UsageError } from './settings.js'

const HELP = `roomful contract check: whether a changed contract breaks clients that are out there

Usage: roomful contract check PROTOCOL [options]   for example: roomful contract check protocol.ts

  PROTOCOL        a module that exports what defineProtocol returns, as protocol or as its default
  --lock FILE     the contract that clients and logs have    (default: roomful.lock.json)
  --update        writes the contract into that file, whatever changed
  --help

Commit the lock. The check fails on what old clients, or entries in the logs, would notice, and says what they would see. It
passes what only needs the servers to be deployed first, and says so.
TypeScript needs Node 22.18 or later, or tsx: npx tsx node_modules/.bin/roomful contract check protocol.ts
Exit code: 0 nothing breaks, 1 something does, 2 a wrong option, or a contract that cannot be read.`

const OPTIONS = {
  lock: { type: 'string' },
  update: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Runs `roomful contract`; returns the exit code. @throws UsageError */
export async function runContract(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args)
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const [command, path, ...more] = positionals
  if (command !== 'check' || path === undefined || more.length > 0)
    throw new UsageError(
      'contract needs the word check and one module, as in roomful contract check protocol.ts',
    )
  const { lock = 'roomful.lock.json', update = false } = values
  try {
    const now = describeContract(await loadProtocol(path))
    return compareWith(lock, update, now, path)
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

function compareWith(lock: string, update: boolean, now: Contract, path: string): number {
  // An unreadable lock is what --update replaces.
  const old = update ? readable(lock) : readLock(lock)
  if (!old && !update)
    throw new Error(`there is no ${lock} to compare with; make it with --update, and commit it`)
  const changes = old ? compareContracts(old, now) : []
  for (const { isBreaking, where, says } of [...changes].sort(byWeight))
    console.log(`${isBreaking ? 'BREAKS' : 'fine  '}  ${where}: ${says}`)
  if (update) {
    writeLock(lock, now)
    console.log(`${lock} has the contract of ${path} now.`)
    return 0
  }
  return conclude(changes, lock)
}

function conclude(changes: readonly Change[], lock: string): number {
  const broken = changes.filter(({ isBreaking }) => isBreaking).length
  if (broken > 0) {
    const what = `${broken} ${broken === 1 ? 'change breaks' : 'changes break'}`
    console.log(`${what} clients that are out there. Where none is left, accept it with --update.`)
    return 1
  }
  console.log(
    changes.length > 0 ? `Nothing breaks. Put it into ${lock} with --update.` : 'Nothing has changed.',
  )
  return 0
}

function readable(lock: string): Contract | undefined {
  try {
    return readLock(lock)
  } catch {
    return undefined
  }
}

const byWeight = (a: Change, b: Change) => Number(b.isBreaking) - Number(a.isBreaking)

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error)
    throw new UsageError(`${reason}; see roomful contract --help`)
  }
}
