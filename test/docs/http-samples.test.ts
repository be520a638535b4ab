import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { KEY, serveApi } from '../support/http-api.js'

const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8')

/** The programs of the page in a language, which ask the server of the test. */
function samples(language: string, base: string): string[] {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))]
  return blocks.map(([, code = '']) => code.replaceAll('http://localhost:3000/api', base))
}

/** What a program prints. @throws Error if it fails, or is not on this machine */
async function run(program: string, args: readonly string[]): Promise<string> {
  try {
    const env = { PATH: process.env.PATH, API_KEY: KEY }
    return (await promisify(execFile)(program, args, { env })).stdout
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`This test runs a sample of docs/http.md, which needs ${program}: install it`)
  }
}

it('docs/http.md sends a message and reads it by curl', async () => {
  const { base } = await serveApi()
  const [, sample = ''] = samples('sh', base)
  const printed = await run('sh', ['-ec', sample])
  expect(printed).toContain('"offset":1,"duplicate":false}')
  expect(printed).toContain('"message":"Hello from curl"')
})

it('docs/http.md sends a message once and reads it by Python', async () => {
  const { base } = await serveApi()
  const [sample = ''] = samples('python', base)
  const [first = '', second, ...rest] = (await run('python3', ['-c', sample])).trim().split('\n')
  expect(first).toContain("'offset': 1, 'duplicate': False")
  expect(second).toBe(first.replace('False', 'True'))
  expect(rest).toEqual(['@server Invoice 17 is paid'])
})
