import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@roomful/client'
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { Attachment } from './attachment.js'
import { sendFile } from './client.js'
import { protocol } from './protocol.js'
import { serverWithFiles } from './server.js'

async function start() {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-files-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const { http, server } = serverWithFiles(folder, (headers) => headers['x-user']?.toString())
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await server.close()
    http.close().closeAllConnections()
  })
  const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const { fetch } = globalThis // before a test replaces it
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, base), { ...init, headers: { ...init.headers, 'x-user': 'ana' } })
  class LoggedIn extends WebSocket {
    constructor(url: string) {
      super(url, { headers: { 'x-user': 'ana' } })
    }
  }
  const client = createClient({ url: `${base}/ws`, protocol, WebSocket: LoggedIn, session: 'memory' })
  onTestFinished(() => client.close())
  const room = client.room('general')
  await room.join()
  return { base, ask, room, folder }
}

it('docs/files.md: a file is uploaded, linked in a message, and downloaded as it was, never as a page', async () => {
  const { ask, room } = await start()
  vi.stubGlobal('fetch', ask)
  onTestFinished(() => void vi.unstubAllGlobals())
  const { offset } = await sendFile(room, new File(['<script>'], 'notes.html'))
  const { messages } = await room.history()
  const message = messages.find((one) => one.offset === offset)
  if (!message) throw new Error('The message is not in the history')
  expect(message).toMatchObject({ message: 'notes.html', data: { file: { name: 'notes.html', bytes: 8 } } })
  const { url = '' } = message.type === 'chat_message' ? (message.data?.file ?? {}) : {}
  const response = await ask(url)
  expect(await response.text()).toBe('<script>')
  expect(response.headers.get('content-disposition')).toBe('attachment')
  expect(renderToStaticMarkup(createElement(Attachment, { message }))).toContain('download="notes.html"')
})

it('docs/files.md: an image is shown as one', async () => {
  const { ask, room } = await start()
  vi.stubGlobal('fetch', ask)
  onTestFinished(() => void vi.unstubAllGlobals())
  const { offset } = await sendFile(room, new File(['…'], 'cat.png', { type: 'image/png' }))
  const { messages } = await room.history()
  const message = messages.find((one) => one.offset === offset)
  if (!message) throw new Error('The message is not in the history')
  const shown = renderToStaticMarkup(createElement(Attachment, { message }))
  const [, url = ''] = /<img src="(.*?)" alt="cat.png"/.exec(shown) ?? []
  const response = await ask(url)
  expect(response.headers.get('content-type')).toBe('image/png')
})

it('docs/files.md: strangers, too large files and links to other sites are refused, and leave nothing', async () => {
  const { base, ask, room, folder } = await start()
  expect((await fetch(`${base}/files`, { method: 'POST', body: 'x' })).status).toBe(401)
  const large = ask('/files', { method: 'POST', body: new Uint8Array(10 * 1024 * 1024 + 1) })
  expect(
    await large.then(
      ({ status }) => status,
      () => 413,
    ),
  ).toBe(413)
  await expect.poll(() => readdir(folder), { timeout: 10_000 }).toEqual([])
  expect((await ask('/files/..%2f..%2fetc%2fpasswd')).status).toBe(404)
  const file = { url: 'https://evil.example/x', name: 'x', bytes: 1 }
  await expect(room.send('x', { data: { file } })).rejects.toMatchObject({ code: 'invalid_message' })
})
