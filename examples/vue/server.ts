import { createServer as createHttpServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createServer } from '@roomful/server'
import sirv from 'sirv'

const { HOST = '127.0.0.1', PORT = '3011' } = process.env
const pages = sirv(fileURLToPath(new URL('dist', import.meta.url)))
const http = createHttpServer((request, response) => pages(request, response))
createServer().attach(http, { path: '/ws' })
http.listen(Number(PORT), HOST, () =>
  console.log(`Open http://${HOST}:${Object(http.address()).port} in two tabs`),
)
