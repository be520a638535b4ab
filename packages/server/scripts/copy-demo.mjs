// Puts the demo and the client's global build beside the command that serves them.
import { cp } from 'node:fs/promises'

const root = new URL('../../../', import.meta.url)
const demo = new URL('packages/server/dist/demo/', root)

for (const name of ['index.html', 'style.css', 'auditor.js', 'app']) {
  await cp(new URL(`examples/demo/${name}`, root), new URL(name, demo), { recursive: true })
}
const client = 'roomful.global.js'
await cp(new URL(`packages/client/dist/${client}`, root), new URL(client, demo))
