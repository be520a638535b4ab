#!/usr/bin/env node
import { readFile } from 'node:fs/promises'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineProtocol, volatile } from '@roomful/protocol'
import * as z from 'zod/mini'
import type { Roomful } from './api/api.js'
import type { Backplane } from './api/contracts/backplane.js'
import { consoleLogger } from './api/contracts/console-logger.js'
import type { CloseOptions } from './api/handles/server.js'
import { refuse } from './api/hooks/refuse.js'
import { type Limits, resolveLimits, UNLIMITED } from './api/options/limits.js'
import { jwtAuthentication } from './cli/jwt.js'
import { isLoopback, isWildcard, networkHosts, urlOf } from './cli/network.js'
import { loadDemo, notFound, serveAdmin, serveBelow, servePages } from './cli/pages.js'
import { addressOf } from './cli/redis.js'
import { HELP, readCommand, type Settings, UsageError } from './cli/settings.js'
import { checkDatabase, openStore } from './cli/store.js'
import { isSupervised, obey, supervise } from './cli/supervise.js'
import { bearer } from './http/bearer.js'
import { createServer } from './server/create-server.js'
import { createHttpServer } from './server/http-server.js'

const API_PATH = '/api'
/** Less than limits.requestMs, after which the socket of a slow sender is closed without an answer. */
const API_BODY_MS = 8_000
const LAG_MS = 5_000
/** Beyond the drain, in which the lag and closing fit: with the default, Kubernetes kills 5 s later. */
const EXIT_AFTER_MS = 10_000

const protocol = defineProtocol({
  /** Earlier demo pages send it, and what they left in an outbox has it. */
  chat: z.object({ name: z.optional(z.string().check(z.maxLength(40))) }),
  /** Asks the process that serves the client to crash. */
  client: { kill_node: z.object({}) },
  /** Tells a client which of several nodes serves it, and whether it may kill that. */
  server: { served_by: volatile(z.object({ node: z.optional(z.string()), killable: z.boolean() })) },
})

type Running = Pick<Roomful<typeof protocol>, 'ready' | 'metrics' | 'close' | 'http'>

/** Each reads the rest of the arguments, and returns the exit code. */
const SUBCOMMANDS: ReadonlyMap<string, (args: readonly string[]) => Promise<number>> = new Map([
  ['verify', async (args) => (await import('./cli/verify.js')).runVerify(args)],
  ['contract', async (args) => (await import('./cli/contract.js')).runContract(args)],
])

async function main(): Promise<void> {
  const [name = '', ...args] = process.argv.slice(2)
  const subcommand = SUBCOMMANDS.get(name)
  if (subcommand) {
    process.exitCode = await subcommand(args).catch(refuseUsage)
    return
  }
  const command = readCommand(process.argv.slice(2), process.env)
  switch (command.run) {
    case 'help':
      console.log(HELP)
      break
    case 'version':
      console.log(await version())
      break
    case 'supervise':
      supervise(fileURLToPath(import.meta.url), command.args)
      break
    case 'check':
      if (!checkDatabase(command.path)) process.exitCode = 1
      break
    case 'serve':
      await serve(command.settings)
      break
  }
}

async function serve(settings: Settings): Promise<void> {
  const { host, port, adminPort, apiKey, store, drainMs, unlimited } = settings
  if (unlimited)
    console.warn('[roomful] ROOMFUL_LIMITS=off: no rate and connection limits; do not expose this server')
  const limits = resolveLimits(unlimited ? UNLIMITED : {})
  const backplane = await openStore(store)
  let running: Running | undefined
  let api: RequestListener | undefined
  const admin = serveAdmin(() => running)
  const pages = await loadDemo(new URL('./demo/', import.meta.url))
  const serve = (listener: RequestListener) => createHttpServer(listener, limits, consoleLogger)
  const beside = adminPort === undefined ? admin : notFound
  const main = serve(servePages(pages, apiKey ? serveBelow(API_PATH, () => api, beside) : beside))
  const servers = [main]
  exitOnSignals(drainMs, async (options) => {
    await running?.close(options)
    for (const server of servers) server.close()
  })
  // Before the file is opened: a second server on this port fails here, instead of waiting for the first one's file.
  const actualPort = await listen(main, host, port, 'PORT')
  if (adminPort !== undefined) {
    const adminServer = serve(admin)
    servers.push(adminServer)
    const at = await listen(adminServer, host, adminPort, 'ADMIN_PORT')
    console.log(`Roomful: health and metrics at ${urlOf(host, at)}`)
  }
  running = await start(settings, backplane, limits, main)
  if (apiKey) {
    const authenticate = bearer(apiKey)
    api = running.http({ basePath: API_PATH, authenticate, bodyMs: API_BODY_MS }).node
  }
  if (store.kind === 'redis')
    console.log(`Roomful: this is node ${nameOf(settings)} of those on ${addressOf(store.url)}`)
  if (isWildcard(host))
    for (const one of networkHosts())
      console.log(`Roomful: other devices in the network reach it at ${urlOf(one, actualPort)}`)
  const shown = urlOf(isWildcard(host) ? '127.0.0.1' : host, actualPort)
  console.log(`Roomful is at ${shown} (WebSocket at /ws${apiKey ? `, HTTP API at ${API_PATH}` : ''})`)
  if (isSupervised(process.env)) obey(actualPort)
}

/** Resolves once the server runs; waits for a file that another process has open. @throws UsageError if it cannot be opened */
async function start(
  settings: Settings,
  backplane: Backplane,
  limits: Limits,
  main: Server,
): Promise<Running> {
  const { authSecret, host, store, trustedProxies } = settings
  // Nobody but who sits at this machine may crash it.
  const killable = isSupervised(process.env) && isLoopback(host)
  const node = store.kind === 'redis' ? nameOf(settings) : undefined
  const roomful = createServer({
    protocol,
    on: {
      join(context) {
        if (killable || node !== undefined)
          context.connection.broadcast({ type: 'served_by', killable, ...(node !== undefined && { node }) })
      },
    },
    handle: {
      kill_node() {
        if (!killable) throw refuse('not_killable', 'Only a supervised server on this machine can be killed')
        // No farewell, to nobody: it is a crash.
        process.kill(process.pid, 'SIGKILL')
      },
    },
    backplane,
    ...(authSecret
      ? {
          authenticate: jwtAuthentication(authSecret, limits.profileBytes),
          authorize: ({ action }: { readonly action: string }) => action !== 'moderate',
          sessionSecret: authSecret,
        }
      : { profiles: 'self' as const }),
    trustedProxies,
    limits,
  })
  roomful.attach(main, { path: '/ws' })
  try {
    await roomful.start()
  } catch (cause) {
    throw cause instanceof Error ? new UsageError(cause.message, { cause }) : cause
  }
  return roomful
}

function nameOf({ nodeName }: Settings): string {
  return nodeName ?? hostname()
}

/** Returns the port. @throws UsageError if it is taken or the address is not local */
async function listen(server: Server, host: string, port: number, name: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port, name)))
    server.listen(port, host, resolve)
  })
  return (server.address() as AddressInfo).port
}

function explain(error: NodeJS.ErrnoException, host: string, port: number, name: string): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new UsageError(
        `Port ${port} on ${host} is in use; stop what uses it, or set ${name} to another one`,
      )
    case 'EACCES':
      return new UsageError(`Port ${port} needs privileges; set ${name} to one above 1023`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new UsageError(
        `HOST ${host} is no address of this machine; use 127.0.0.1, or 0.0.0.0 for all of them`,
      )
    default:
      return error
  }
}

function exitOnSignals(drainMs: number, close: (options: CloseOptions) => Promise<void>): void {
  const leave = (options: CloseOptions) => {
    setTimeout(() => process.exit(1), drainMs + EXIT_AFTER_MS).unref()
    close(options).then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    )
  }
  process.once('SIGTERM', () => {
    if (drainMs === 0) return leave({})
    console.log('Draining…')
    leave({ lagMs: LAG_MS, drainMs })
  })
  process.once('SIGINT', () => leave({}))
}

async function version(): Promise<string> {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}

/** Of a subcommand, 1 says that it found something wrong. */
function refuseUsage(error: unknown): number {
  if (!(error instanceof UsageError)) throw error
  console.error(`roomful: ${error.message}`)
  return 2
}

function fail(error: unknown): never {
  console.error(error instanceof UsageError ? `roomful: ${error.message}` : error)
  process.exit(1)
}

main().catch(fail)
