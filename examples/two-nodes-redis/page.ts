import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'

const TYPES: Record<string, string> = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' }
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"

/** The demo and the client's global build, by path: nothing else of the disk is served. */
const files = new Map<string, URL>([
  ['/roomful.global.js', new URL('../../packages/client/dist/roomful.global.js', import.meta.url)],
])
const demo = new URL('../demo/', import.meta.url)
for (const path of readdirSync(demo, { recursive: true }).map(String))
  if (extname(path) in TYPES) files.set(`/${path}`, new URL(path, demo))

/** The demo page, which every node serves. */
export function servePage({ url = '/' }: IncomingMessage, response: ServerResponse): void {
  const path = (url.split('?')[0] ?? '').replace(/^\/$/, '/index.html')
  const file = files.get(path)
  if (!file) return void response.writeHead(404).end('Not found\n')
  response.setHeader('content-type', `${TYPES[extname(path)]}; charset=utf-8`)
  response.setHeader('content-security-policy', POLICY).end(readFileSync(file))
}
