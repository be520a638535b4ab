import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { createServer, memory, type ServerOptions } from '@roomful/server'
import { onTestFinished } from 'vitest'
import { diagnose } from '../../packages/server/src/verify/diagnosis/diagnose.js'
import type { Finding } from '../../packages/server/src/verify/finding.js'
import type { Report } from '../../packages/server/src/verify/report.js'
import { originOf, type Target } from '../../packages/server/src/verify/target.js'
import { verify } from '../../packages/server/src/verify/verify.js'
import { startNginx } from '../support/nginx.js'
import type { ProxyProcess } from '../support/proxy-process.js'

export function targetOf(address: string, more: Partial<Target> = {}): Target {
  const url = new URL(address)
  return { url, origin: originOf(url), room: 'verify-', ...more }
}

/** A Roomful server in this process. It ends with the test. */
export async function roomful(options: ServerOptions = {}): Promise<number> {
  const server = createServer({ backplane: memory(), ...options } as ServerOptions)
  const { port } = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  return port
}

/** An HTTP server of the test's own. */
export async function http(
  listener: RequestListener,
  tls?: { readonly key: string; readonly cert: string },
): Promise<number> {
  return listening(tls ? createTlsServer(tls, listener) : createHttpServer(listener))
}

/** An HTTP server that answers everything with the same. */
export function answering(status: number, headers: Record<string, string> = {}, body = ''): Promise<number> {
  return http((_, response) => response.writeHead(status, headers).end(body))
}

export async function tcp(connected: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()))
    connected(socket)
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  return listening(server)
}

export async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export async function nginx(server: string, http?: string): Promise<ProxyProcess> {
  const started = await startNginx(server, http)
  onTestFinished(() => started.stop())
  return started
}

/** What is wrong with an address; `undefined` if nothing is. */
export async function wrongWith(address: string, more: Partial<Target> = {}): Promise<Finding | undefined> {
  const { findings } = await diagnose(targetOf(address, more))
  return findings[0]
}

export interface Short {
  readonly clients?: number
  readonly seconds?: number
  readonly idle?: number
  readonly more?: Partial<Target>
  readonly signal?: AbortSignal
}

export function verified(address: string, short: Short = {}): Promise<Report> {
  const { clients = 4, seconds = 3, idle = 0, more, signal = new AbortController().signal } = short
  const target = targetOf(address, more)
  return verify({ target, clients, trialMs: seconds * 1_000, idleMs: idle * 1_000, signal })
}

/** The codes of what is wrong. */
export function faultsIn({ findings }: Report): readonly string[] {
  return findings.filter(({ weight }) => weight === 'wrong').map(({ code }) => code)
}

export const url = (port: number) => `ws://127.0.0.1:${port}`

export function trialOf({ trial }: Report) {
  if (!trial) throw new Error('There was no trial')
  return trial
}
