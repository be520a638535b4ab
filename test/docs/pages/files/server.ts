import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createServer, memory } from '@roomful/server'
import { protocol } from './protocol.js'

const MAX_BYTES = 10 * 1024 * 1024

type Headers = Readonly<Record<string, unknown>>

/** `userOf` stands for your log-in: whose headers these are, or `undefined`. */
export function serverWithFiles(folder: string, userOf: (headers: Headers) => string | undefined) {
  async function upload(request: IncomingMessage, response: ServerResponse) {
    // An image has its type in its address; anything else has none.
    const image = /^image\/(png|jpeg|gif|webp)$/.exec(request.headers['content-type'] ?? '')?.[1]
    const id = image ? `${randomUUID()}-${image}` : randomUUID()
    let bytes = 0
    async function* limited(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length
        if (bytes > MAX_BYTES) throw new Error('The file is too large')
        yield chunk
      }
    }
    try {
      await pipeline(request, limited, createWriteStream(join(folder, id), { flags: 'wx' }))
      response.writeHead(201).end(`/files/${id}`)
    } catch {
      await rm(join(folder, id), { force: true })
      response.writeHead(413, { connection: 'close' }).end()
    }
  }

  function download(id: string, response: ServerResponse) {
    const file = createReadStream(join(folder, id))
    file.on('error', () => response.writeHead(404).end())
    file.on('open', () => {
      const image = /-(png|jpeg|gif|webp)$/.exec(id)?.[1]
      // A stranger's file is never shown as a page of yours.
      response.writeHead(200, {
        'content-type': image ? `image/${image}` : 'application/octet-stream',
        'content-disposition': image ? 'inline' : 'attachment',
        'x-content-type-options': 'nosniff',
      })
      file.pipe(response)
    })
  }

  const http = createHttpServer((request, response) => {
    const id = /^\/files\/([\w-]+)$/.exec(request.url ?? '')?.[1]
    if (!userOf(request.headers)) response.writeHead(401).end()
    else if (request.method === 'POST' && request.url === '/files') void upload(request, response)
    else if (request.method === 'GET' && id) download(id, response)
    else response.writeHead(404).end()
  })
  const server = createServer({
    protocol,
    backplane: memory(), // forgets all at its end; sqlite() does not
    authenticate({ request }) {
      const userId = userOf(request.headers)
      return userId ? { userId } : null
    },
  })
  server.attach(http, { path: '/ws' })
  return { http, server }
}
