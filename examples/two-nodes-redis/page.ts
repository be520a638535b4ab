import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'

const html = readFileSync(new URL('../vanilla-html/index.html', import.meta.url), 'utf8')
const client = readFileSync(new URL('../../packages/client/dist/roomful.global.js', import.meta.url))

/** Lets the page's own inline code run and nothing else. */
function hashOf(tag: 'script' | 'style'): string {
  const [, code = ''] = new RegExp(`<${tag}(?: type="module")?>(.*?)</${tag}>`, 's').exec(html) ?? []
  return `'sha256-${createHash('sha256').update(code).digest('base64')}'`
}
const policy = `default-src 'none'; script-src 'self' ${hashOf('script')}; style-src ${hashOf('style')}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'`

/** The demo page, which every node serves. */
export function servePage({ url = '/' }: IncomingMessage, response: ServerResponse): void {
  const [path] = url.split('?')
  if (path === '/') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader('content-security-policy', policy).end(html)
  } else if (path === '/roomful.global.js') {
    response.setHeader('content-type', 'text/javascript').end(client)
  } else response.writeHead(404).end('Not found\n')
}
