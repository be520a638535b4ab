import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { Cli, type Exit, ROOMFUL } from '../support/cli.js'

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))
const TSX = join(MODULES, 'tsx/dist/cli.mjs')

const contract = (fields: string, name = 'move') => `
import { defineProtocol, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'
export const protocol = defineProtocol({
  client: { ${name}: z.object({ ${fields} }) },
  server: { moved: volatile(z.object({ by: z.string() })) },
})
`

/** Like a project, in which the packages are installed. */
function project(): { readonly folder: string; write(file: string, text: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-contract-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  symlinkSync(MODULES, join(folder, 'node_modules'))
  return { folder, write: (file, text) => writeFileSync(join(folder, file), text) }
}

function check(folder: string, ...args: readonly string[]): Promise<Exit> {
  return new Cli(['contract', 'check', ...args], {}, { folder }).exit()
}

it('roomful contract check makes a lock, passes what fits it, and fails with words on what breaks old clients', {
  timeout: 60_000,
}, async () => {
  const { folder, write } = project()
  write('protocol.js', contract('to: z.string()'))
  write('package.json', '{ "type": "module" }')
  const without = await check(folder, 'protocol.js')
  expect(without).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/there is no roomful\.lock\.json .* --update/),
  })
  expect(await check(folder, 'protocol.js', '--update')).toMatchObject({ code: 0 })
  expect(JSON.parse(readFileSync(join(folder, 'roomful.lock.json'), 'utf8'))).toMatchObject({
    client: { move: { body: { required: ['to'] } } },
    server: { moved: { volatile: true } },
  })
  expect(await check(folder, 'protocol.js')).toMatchObject({ code: 0, stdout: 'Nothing has changed.\n' })
  write('protocol.js', contract('to: z.string(), by: z.optional(z.string())'))
  expect(await check(folder, 'protocol.js')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^fine {4}client\.move: has the new optional field 'by'.*\nNothing breaks\. Put it into/,
    ),
  })
  write('protocol.js', contract('to: z.string(), by: z.string()'))
  expect(await check(folder, 'protocol.js')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(
      /^BREAKS {2}client\.move: the new field 'by' is required.*\n1 change breaks clients/,
    ),
  })
  expect(await check(folder, 'protocol.js', '--update')).toMatchObject({ code: 0 })
  expect(await check(folder, 'protocol.js')).toMatchObject({ code: 0, stdout: 'Nothing has changed.\n' })
})

it('roomful contract check reads TypeScript with tsx, and says so where Node cannot', {
  timeout: 60_000,
}, async () => {
  const { folder, write } = project()
  write('protocol.ts', `${contract('to: z.string()')}\nexport type Protocol = typeof protocol\n`)
  write('package.json', '{ "type": "module" }')
  const alone = await check(folder, 'protocol.ts', '--update')
  const canRead = 'typescript' in process.features && process.features.typescript !== false
  if (canRead) expect(alone.code).toBe(0)
  else
    expect(alone).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/cannot read TypeScript .*npx tsx/),
    })
  const withTsx = new Cli(
    [ROOMFUL, 'contract', 'check', 'protocol.ts', '--update'],
    {},
    { folder, program: TSX },
  )
  expect(await withTsx.exit()).toMatchObject({ code: 0, stderr: '' })
})

it.each([
  [['chek', 'protocol.js'], /contract needs the word check/],
  [['check'], /contract needs the word check/],
  [['check', 'none.js'], /there is no file none\.js/],
  [['check', 'empty.js'], /exports no contract: export what defineProtocol returns/],
  [['check', 'two.js'], /exports several contracts/],
  [['check', 'broken.js'], /broken\.js cannot be loaded: it is broken/],
  [['check', 'one.js', '--lock', 'broken.js'], /cannot be read as JSON/],
  [['check', 'one.js', '--lock', 'package.json'], /no lock of this version/],
  [['check', '--lok', 'x'], /Unknown option '--lok'.*--help/],
])(
  'roomful contract ends with 2 and one sentence for a mistake: %j',
  { timeout: 60_000 },
  async (args, sentence) => {
    const { folder, write } = project()
    write('package.json', '{ "type": "module" }')
    write('one.js', contract('to: z.string()'))
    write('empty.js', 'export const some = 1')
    write('two.js', `${contract('to: z.string()').replace('protocol =', 'a =')}\nexport const b = { ...a }`)
    write('broken.js', "throw new Error('it is broken')")
    const { code, stderr } = await new Cli(['contract', ...args], {}, { folder }).exit()
    expect(stderr).toMatch(sentence)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  },
)
