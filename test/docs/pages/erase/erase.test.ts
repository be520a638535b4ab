import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { exportOf, forget } from './erase.js'

it('docs/erase.md: a user gets what is kept, and after the erasure, no byte of it is in the file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-erase-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const store = sqlite({ file: join(folder, 'chat.db') })
  const server = createServer({ backplane: store })
  await server.start()
  onTestFinished(() => server.close())
  await server.room('general').chat.send('a text of Ada that nobody else wrote', { as: 'ada' })
  await server.room('general').chat.send('a text of Bob', { as: 'bob' })
  const texts = (lines: string[]) => lines.flatMap((line) => JSON.parse(line).message ?? [])
  expect(texts(await exportOf(store, 'ada'))).toEqual(['a text of Ada that nobody else wrote'])

  let isDenied = false
  await forget(server, store, 'ada', async () => {
    isDenied = true
  })
  expect(isDenied).toBe(true)
  const { messages } = await server.room('general').history()
  expect(messages).toMatchObject([
    { user_id: 'ada', message: '', deleted: true },
    { message: 'a text of Bob' },
  ])
  await server.close()
  for (const file of await readdir(folder))
    expect((await readFile(join(folder, file))).includes('a text of Ada'), file).toBe(false)
})
