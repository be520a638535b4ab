import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Roomful } from '@roomful/server'
import { build } from 'esbuild'
import type { chat } from '../../src/chat.js'
import type { Client, createClient, localOutbox } from '../../src/index.js'

declare global {
  interface Window {
    chat: typeof chat
    createClient: typeof createClient
    localOutbox: typeof localOutbox
    startReact(): void
    client: Client
    /** The socket that swallowed what a test sent. */
    dark: WebSocket
  }
}

/**
 * Serves a page that has the client, as it is in the sources, and the server at `/ws`.
 * @param html what the body begins with
 */
export async function servePage(
  server: Roomful,
  entry = 'page.tsx',
  html = '',
): Promise<{ url: string; close(): Promise<void> }> {
  const script = await bundle(entry)
  const http = createHttpServer((request, response) => {
    if (request.url === '/page.js') response.setHeader('content-type', 'text/javascript').end(script)
    else
      response
        .setHeader('content-type', 'text/html')
        .end(`<!doctype html><body>${html}</body><script src="/page.js"></script>`)
  })
  server.attach(http, { path: '/ws' })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const close = async () => {
    await server.close({ drainMs: 0 })
    http.close()
  }
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`, close }
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [source(`client/test/browser/${entry}`)],
    bundle: true,
    write: false,
    format: 'iife',
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: {
      '@roomful/client/chat': source('client/src/chat.ts'),
      '@roomful/client/react': source('client/src/react.ts'),
      '@roomful/protocol/wire': source('protocol/src/wire.ts'),
      '@roomful/protocol/define': source('protocol/src/define-protocol.ts'),
    },
  })
  return outputFiles[0]?.text ?? ''
}

function source(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url))
}
