import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '../api/contracts/logger.js'
import { refuseUpgrade } from './handshake.js'
import { declineUpgrades, isOtherUpgrade, passOn } from './other-upgrades.js'

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** What all Roomful servers of this process know about an HTTP server. */
interface Shared {
  readonly paths: Set<string>
  readonly listeners: WeakSet<UpgradeListener>
  isWarned: boolean
}

const shared = new WeakMap<HttpServer, Shared>()

/** A requested path may be this much longer than the right one to count as a near miss. */
const NEARLY = 8
const LOGGED_LENGTH = 100
const NOT_HERE = 'No WebSocket at this path'

/**
 * Answers the upgrades of one path of an HTTP server, and leaves other paths to other listeners. Returns a function
 * that stops it.
 * @throws TypeError for a path that can never match, or that is served already
 */
export function attachTo(
  server: HttpServer,
  path: string,
  upgrade: UpgradeListener,
  logger: Logger,
): () => void {
  if (!path.startsWith('/'))
    throw new TypeError(`attach: path must start with '/', as in '/ws', not '${path}'`)
  const known = shared.get(server) ?? { paths: new Set(), listeners: new WeakSet(), isWarned: false }
  const { paths, listeners } = known
  if (paths.has(path)) throw new TypeError(`attach: '${path}' of this HTTP server is served already`)
  let isUnknownTold = false
  // Otherwise, another listener may answer.
  const isAlone = () => server.listenerCount('upgrade') === paths.size
  const isOrdinary = (request: IncomingMessage) =>
    isOtherUpgrade(request) && !paths.has(pathOf(request)) && isAlone()
  const onUpgrade: UpgradeListener = (request, socket, head) => {
    if (isOrdinary(request) && !('encrypted' in socket)) return passOn(server, request, socket, head)
    guard(socket, logger)
    const asked = pathOf(request)
    if (asked === path) return upgrade(request, socket, head)
    if (paths.has(asked)) return
    const meant = [...paths].find((other) => isNearly(asked, other))
    if (meant === path) logNearly(logger, asked, path)
    // Another attached server may have answered.
    if (!isAlone() || socket.writableEnded) return
    const text = `${NOT_HERE}: it is at ${meant ?? [...paths].join(' or ')}`
    if (meant === undefined) {
      // The first is a warning, because it is most likely the operator's own mistake; later ones are usually
      // scanners.
      logger[isUnknownTold ? 'info' : 'warn'](
        { asked: asked.slice(0, LOGGED_LENGTH) },
        `upgrade refused (404): ${text}`,
      )
      isUnknownTold = true
    }
    refuseUpgrade(socket, { status: 404, text })
  }
  const warn = () => {
    if (known.isWarned) return
    known.isWarned = true
    logger.warn({ path }, OTHERS_LISTEN)
  }
  const onNewListener = (event: string | symbol, listener: UpgradeListener) => {
    if (event === 'upgrade' && !listeners.has(listener)) warn()
  }
  if (!shared.has(server)) declineUpgrades(server, isOrdinary)
  shared.set(server, known)
  if (server.listenerCount('upgrade') > paths.size) warn()
  paths.add(path)
  listeners.add(onUpgrade)
  server.on('upgrade', onUpgrade)
  server.on('newListener', onNewListener)
  return () => {
    server.off('upgrade', onUpgrade)
    server.off('newListener', onNewListener)
    paths.delete(path)
  }
}

/**
 * Comes first: Node's own listener has been removed, and a peer that resets the socket would otherwise end the
 * process.
 */
export function guard(socket: Duplex, logger: Logger): void {
  socket.on('error', (error) => logger.debug({ why: error.message }, 'the socket of an upgrade failed'))
}

const OTHERS_LISTEN =
  'this HTTP server has other upgrade listeners. A listener that rejects unknown paths, such as `new ' +
  'WebSocketServer({ server })` of ws, cuts the connections of Roomful. Use one listener that routes upgrades by path, ' +
  'and call server.handleUpgrade(request, socket, head) instead of attach'

function logNearly(logger: Logger, asked: string, path: string): void {
  logger.warn(
    { asked: asked.slice(0, LOGGED_LENGTH), path },
    'upgrade to a path that is almost right: it must match exactly, without a trailing slash',
  )
}

/** Whether a path differs only by case or by trailing slashes. */
function isNearly(asked: string, path: string): boolean {
  return asked.length <= path.length + NEARLY && plain(asked) === plain(path)
}

function plain(path: string): string {
  return path.toLowerCase().replace(/\/+$/, '')
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/'
}
