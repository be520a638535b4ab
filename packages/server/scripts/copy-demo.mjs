// Puts the demo page and the client's global build beside the command that serves them.
import { copyFile, mkdir } from 'node:fs/promises'

const root = new URL('../../../', import.meta.url)
const demo = new URL('packages/server/dist/demo/', root)

await mkdir(demo, { recursive: true })
for (const file of ['examples/vanilla-html/index.html', 'packages/client/dist/roomful.global.js']) {
  await copyFile(new URL(file, root), new URL(file.split('/').at(-1), demo))
}
