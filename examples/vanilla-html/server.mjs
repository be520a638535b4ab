// Serves the page, the client's global build and Roomful's WebSocket.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from '@roomful/server'

const { HOST = '127.0.0.1', PORT = '3001' } = process.env
const html = readFileSync(new URL('index.html', import.meta.url), 'utf8')
const client = readFileSync(new URL('roomful.global.js', import.meta.resolve('@roomful/client')))

/** Lets the page's own inline code run and nothing else: text that became markup would still be inert. */
function hashOf(tag) {
  const [, code] = html.match(new RegExp(`<${tag}(?: type="module")?>(.*?)</${tag}>`, 's'))
  return `'sha256-${createHash('sha256').update(code).digest('base64')}'`
}
const policy = `default-src 'none'; script-src 'self' ${hashOf('script')}; style-src ${hashOf('style')}; connect-src 'self'; base-uri 'none'; form-action 'none'`

const http = createHttpServer(({ url }, response) => {
  const [path] = url.split('?')
  if (path === '/roomful.global.js') return response.setHeader('content-type', 'text/javascript').end(client)
  if (path !== '/') return response.writeHead(404).end('Not found\n')
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.setHeader('content-security-policy', policy).end(html)
})
createServer().attach(http, { path: '/ws' })
http.listen(PORT, HOST, () => console.log(`Roomful is at http://${HOST}:${http.address().port}`))
