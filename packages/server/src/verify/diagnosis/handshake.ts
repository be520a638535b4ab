import { randomBytes } from 'node:crypto'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { connect, type PeerCertificate, TLSSocket } from 'node:tls'
import type { Target } from '../target.js'

const PATIENCE_MS = 10_000
const BODY_BYTES = 2_048

/** What became of the request to upgrade. */
export type Handshake = Failed | Answered | Upgraded

/** No answer came. */
export interface Failed {
  readonly kind: 'failed'
  /** Node's code for it, or `TIMEOUT`. */
  readonly code: string
  readonly message: string
  /** How far it came. */
  readonly step: 'connect' | 'tls' | 'answer'
  /** What was offered, if that is what is wrong. */
  readonly certificate?: Certificate
}

/** An ordinary answer came. */
export interface Answered {
  readonly kind: 'answered'
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Its beginning. */
  readonly body: string
}

export interface Upgraded {
  readonly kind: 'upgraded'
  /** What was negotiated; compression is offered, as browsers do. */
  readonly extensions: string
  /** Until the socket was open, in ms. */
  readonly connectMs: number
  /** From there to the answer, TLS included, in ms. */
  readonly answerMs: number
  readonly certificate?: Certificate
}

export interface Certificate {
  readonly names: string
  readonly issuer: string
  /** In ms since 1970. */
  readonly from: number
  readonly to: number
}

/** Asks for an upgrade as a browser does, and ends the connection. */
export async function shakeHands(
  { url, origin, headers = {} }: Target,
  path = url.pathname,
): Promise<Handshake> {
  const isTls = url.protocol === 'wss:'
  const options = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || (isTls ? 443 : 80),
    path: `${path}${url.search}`,
    headers: {
      ...headers,
      ...{ host: url.host, origin, connection: 'Upgrade', upgrade: 'websocket' },
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      'sec-websocket-extensions': 'permessage-deflate',
    },
    agent: false,
  }
  const handshake = await new Promise<Handshake>((resolve) => {
    let step: Failed['step'] = 'connect'
    const startedAt = performance.now()
    let connectedAt = startedAt
    let certificate: Certificate | undefined
    const request = (isTls ? requestTls : requestPlain)(options)
    const fail = (code: string, message: string) => resolve({ kind: 'failed', code, message, step })
    const timer = setTimeout(() => {
      fail('TIMEOUT', `nothing within ${PATIENCE_MS / 1_000} s`)
      request.destroy()
    }, PATIENCE_MS)
    request.once('close', () => clearTimeout(timer))
    request.on('socket', (socket) => {
      socket.once('connect', () => {
        connectedAt = performance.now()
        step = isTls ? 'tls' : 'answer'
      })
      socket.once('secureConnect', () => {
        step = 'answer'
        if (socket instanceof TLSSocket) certificate = shown(socket.getPeerCertificate())
      })
    })
    request.on('error', (error: NodeJS.ErrnoException) => fail(codeOf(error), error.message))
    request.on('upgrade', ({ headers }, socket) => {
      const now = performance.now()
      clearTimeout(timer)
      socket.on('error', () => {
        // It has said what was asked.
      })
      socket.destroy()
      resolve({
        kind: 'upgraded',
        extensions: String(headers['sec-websocket-extensions'] ?? ''),
        ...{ connectMs: connectedAt - startedAt, answerMs: now - connectedAt },
        ...(certificate && { certificate }),
      })
    })
    request.on('response', (response) => {
      const { statusCode: status = 0, headers } = response
      let body = ''
      const done = () => {
        clearTimeout(timer)
        resolve({ kind: 'answered', status, headers: flat(headers), body })
        request.destroy()
      }
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body = `${body}${text}`.slice(0, BODY_BYTES)
        if (body.length === BODY_BYTES) done()
      })
      response.once('end', done).once('error', done)
    })
    request.end()
  })
  if (handshake.kind !== 'failed' || handshake.step !== 'tls') return handshake
  const certificate = await readCertificate(options.host, Number(options.port))
  return { ...handshake, ...(certificate && { certificate }) }
}

/** Some errors of Node have their causes in a list: one for each address that was tried. */
function codeOf(error: NodeJS.ErrnoException): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return error.code ?? error.name
}

/** Reads the certificate without trusting it: only to say what is wrong with it. */
function readCertificate(host: string, port: number): Promise<Certificate | undefined> {
  return new Promise((resolve) => {
    const socket = connect(
      { host, port, rejectUnauthorized: false, servername: isName(host) ? host : '' },
      () => {
        resolve(shown(socket.getPeerCertificate()))
        socket.destroy()
      },
    )
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    socket.once('error', () => socket.destroy()).once('close', () => resolve(undefined))
  })
}

const isName = (host: string) => /[a-z]/i.test(host) && !host.includes(':')

function shown({
  subject,
  issuer,
  subjectaltname,
  valid_from,
  valid_to,
}: Partial<PeerCertificate>): Certificate | undefined {
  if (valid_from === undefined || valid_to === undefined) return undefined
  const names = subjectaltname?.replaceAll(/\b(DNS|IP Address):/g, '') ?? String(subject?.CN ?? 'nobody')
  return {
    names,
    issuer: String(issuer?.O ?? issuer?.CN ?? ''),
    from: Date.parse(valid_from),
    to: Date.parse(valid_to),
  }
}

function flat(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Answered['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()]))
}
