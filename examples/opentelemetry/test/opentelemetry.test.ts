import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

it('one command shows the spans of two messages below those of the client, as in README.md', async () => {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const example = spawn(process.execPath, ['--import', 'tsx', main], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void example.kill('SIGKILL'))
  const [told, [code]] = await Promise.all([text(example.stdout), once(example, 'exit')])
  expect(code).toBe(0)
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`\`\`\`\n${told}\`\`\`\n`)
})
