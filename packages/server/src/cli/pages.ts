import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { extname, sep } from 'node:path'
import { gzipSync } from 'node:zlib'
import { UsageError } from './settings.js'

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

/** Only scripts and styles from this server run in the page: if a text became markup, it would still be inert. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface Page {
  readonly type: string
  readonly body: Buffer
  readonly zipped: Buffer
}

export type Pages = ReadonlyMap<string, Page>

/** The demo's files by path, as the build placed them beside the command. */
export async function loadDemo(folder: URL): Promise<Pages> {
  const pages = new Map<string, Page>()
  for (const path of await listFiles(folder)) {
    const type = TYPES[extname(path).slice(1)]
    if (!type) continue
    const body = await readFile(new URL(path, folder))
    pages.set(`/${path}`, { type, body, zipped: gzipSync(body) })
  }
  const [index, script] = [pages.get('/index.html'), pages.get('/roomful.global.js')]
  if (!index || !script)
    throw new UsageError(`The demo page is missing in ${folder.pathname}; build it with: npm run build`)
  return pages.set('/', index)
}

/** Answers for the demo's files; passes every other path to `next`. */
export function servePages(pages: Pages, next: RequestListener): RequestListener {
  return (request, response) => {
    const page = pages.get(pathOf(request))
    if (!page) return next(request, response)
    if (!isRead(request)) return answer(response, 405, 'text/plain', 'Method not allowed\n')
    if (page.type === TYPES.html) response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY)
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('cache-control', 'no-cache')
    response.setHeader('vary', 'accept-encoding')
    if (!takesGzip(request)) return answer(response, 200, page.type, page.body)
    response.setHeader('content-encoding', 'gzip')
    answer(response, 200, page.type, page.zipped)
  }
}

interface Running {
  readonly ready: boolean
  metrics(): string
}

/** Answers below a path with `listener`, and with 503 until there is one; every other path goes on to `next`. */
export function serveBelow(
  path: string,
  listener: () => RequestListener | undefined,
  next: RequestListener,
): RequestListener {
  return (request, response) => {
    if (!pathOf(request).startsWith(`${path}/`)) return next(request, response)
    const listen = listener()
    if (listen) listen(request, response)
    else answer(response, 503, 'text/plain; charset=utf-8', 'not ready\n')
  }
}

/** Liveness, readiness and metrics of a server that may not run yet. */
export function serveAdmin(running: () => Running | undefined): RequestListener {
  const text = 'text/plain; charset=utf-8'
  return (request, response) => {
    if (!isRead(request)) return answer(response, 405, text, 'Method not allowed\n')
    switch (pathOf(request)) {
      case '/healthz':
        return answer(response, 200, text, 'ok\n')
      case '/readyz':
        return running()?.ready
          ? answer(response, 200, text, 'ready\n')
          : answer(response, 503, text, 'not ready\n')
      case '/metrics':
        return answer(response, 200, 'text/plain; version=0.0.4; charset=utf-8', running()?.metrics() ?? '')
      default:
        return notFound(request, response)
    }
  }
}

export function notFound(_: IncomingMessage, response: ServerResponse): void {
  answer(response, 404, 'text/plain; charset=utf-8', 'Not found\n')
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

/** Unless it is refused by a weight of 0. */
function takesGzip({ headers }: IncomingMessage): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(String(headers['accept-encoding']))
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/'
}

async function listFiles(folder: URL): Promise<string[]> {
  try {
    return (await readdir(folder, { recursive: true })).map((path) => path.replaceAll(sep, '/'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
