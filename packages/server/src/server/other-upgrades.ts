import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/*
 * Java's HTTP client offers HTTP/2 with each request over plain HTTP. A server may ignore the offer (RFC 9110, 7.8), but
 * once anybody listens for upgrades, Node takes each offer for one, and answers none of these requests itself.
 */

const OFFERS = ['upgrade', 'http2-settings']
const passedOn = new WeakSet<IncomingMessage>()

/** Whether a request offers other protocols than WebSocket. */
export function isOtherUpgrade({ headers }: IncomingMessage): boolean {
  return !/\bwebsocket\b/i.test(headers.upgrade ?? '')
}

/** Has the server itself answer those upgrades that are ordinary requests. Node has this choice since 24.9. */
export function declineUpgrades(server: HttpServer, isOrdinary: (request: IncomingMessage) => boolean): void {
  if (!('shouldUpgradeCallback' in server)) return
  const { shouldUpgradeCallback: before } = server
  if (typeof before !== 'function') return
  server.shouldUpgradeCallback = (request: IncomingMessage) =>
    !isOrdinary(request) && before.call(server, request)
}

/** Does the same on older Node: gives the request back to the server, as if it had offered nothing. */
export function passOn(server: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  // Every attached server hears of it.
  if (passedOn.has(request)) return
  passedOn.add(request)
  socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
  server.emit('connection', socket)
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2)
    if (OFFERS.includes(name.toLowerCase())) continue
    lines.push(`${name}: ${name.toLowerCase() === 'connection' ? withoutOffers(value) : value}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

function withoutOffers(connection: string): string {
  const options = connection.split(',').map((option) => option.trim())
  return options.filter((option) => !OFFERS.includes(option.toLowerCase())).join(', ')
}
