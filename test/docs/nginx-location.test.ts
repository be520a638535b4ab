import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from '@roomful/client'
import { createServer, memory } from '@roomful/server'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { startNginx } from '../support/nginx.js'

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8')

it('docs/deploy.md passes only the rooms of a site that nginx serves already', {
  timeout: 30_000,
}, async () => {
  const http = createHttpServer()
  const server = createServer({ backplane: memory(), trustedProxies: 1 })
  server.attach(http, { path: '/ws' })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void http.close().closeAllConnections())
  onTestFinished(() => server.close())
  const { port } = http.address() as AddressInfo
  const [, sample = ''] = /```nginx\n( {2}location \/ws [\s\S]+?)```/.exec(page) ?? []
  const nginx = await startNginx(
    `location / { return 200 "the site"; } ${sample}`,
    `upstream roomful { server 127.0.0.1:${port}; }`,
  )
  onTestFinished(() => nginx.stop())
  const client = createClient({ url: `ws://127.0.0.1:${nginx.port}/ws`, WebSocket, session: 'memory' })
  onTestFinished(() => client.close())
  await client.room('general').join()
  expect(await (await fetch(`http://127.0.0.1:${nginx.port}/`)).text()).toBe('the site')
})
