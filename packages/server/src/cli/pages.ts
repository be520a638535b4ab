import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { UsageError } from './settings.js'

interface Page {
  readonly type: string
  readonly body: Buffer
  readonly csp?: string
}

export type Pages = ReadonlyMap<string, Page>

/** The demo page and its script, as the build put them beside the command. */
export async function loadDemo(folder: URL): Promise<Pages> {
  const [html, script] = await Promise.all(
    ['index.html', 'roomful.global.js'].map((name) => load(new URL(name, folder))),
  )
  if (!html || !script)
    throw new UsageError(`The demo page is missing in ${folder.pathname}; build it with: npm run build`)
  return new Map([
    ['/', { type: 'text/html; charset=utf-8', body: html, csp: contentSecurityPolicy(html.toString()) }],
    ['/roomful.global.js', { type: 'text/javascript; charset=utf-8', body: script }],
  ])
}

/** Answers for the page; what is no page goes on to `next`. */
export function servePages(pages: Pages, next: RequestListener): RequestListener {
  return (request, response) => {
    const page = pages.get(pathOf(request))
    if (!page) return next(request, response)
    if (!isRead(request)) return answer(response, 405, 'text/plain', 'Method not allowed\n')
    if (page.csp) response.setHeader('content-security-policy', page.csp)
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('cache-control', 'no-cache')
    answer(response, 200, page.type, page.body)
  }
}

/** Liveness, readiness and metrics. */
export function serveAdmin(server: { readonly ready: boolean; metrics(): string }): RequestListener {
  const text = 'text/plain; charset=utf-8'
  return (request, response) => {
    if (!isRead(request)) return answer(response, 405, text, 'Method not allowed\n')
    switch (pathOf(request)) {
      case '/healthz':
        return answer(response, 200, text, 'ok\n')
      case '/readyz':
        return server.ready
          ? answer(response, 200, text, 'ready\n')
          : answer(response, 503, text, 'not ready\n')
      case '/metrics':
        return answer(response, 200, 'text/plain; version=0.0.4; charset=utf-8', server.metrics())
      default:
        return notFound(request, response)
    }
  }
}

export function notFound(_: IncomingMessage, response: ServerResponse): void {
  answer(response, 404, 'text/plain; charset=utf-8', 'Not found\n')
}

/** Only the page's own script and styles run: hashes of what it holds inline, computed at start-up. */
function contentSecurityPolicy(html: string): string {
  const inline = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}(?![^>]*\\bsrc=)[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))].map(
      ([, content]) =>
        `'sha256-${createHash('sha256')
          .update(content ?? '')
          .digest('base64')}'`,
    )
  return [
    "default-src 'none'",
    `script-src ${["'self'", ...inline('script')].join(' ')}`,
    `style-src ${["'self'", ...inline('style')].join(' ')}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/'
}

async function load(file: URL): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
