import { watch } from 'node:fs'
import { build, createServer } from 'vitepress'
import { root } from './pages.js'
import { writeReference } from './reference.js'
import { clearStage, stagePages } from './stage.js'

const site = `${root}site`

clearStage()
stagePages()
await writeReference()
if (process.argv[2] === 'dev') {
  watch(`${root}docs`, { recursive: true }, stagePages)
  const server = await createServer(site, { port: 5173 })
  await server.listen()
  server.printUrls()
} else {
  await build(site)
}
