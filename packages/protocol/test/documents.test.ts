import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const specification = read('../PROTOCOL.md')
const rules = [...specification.matchAll(/^- \*\*\[([A-Z]\d+)\]\*\*/gm)].map(([, id]) => id)

it('PROTOCOL.md gives each rule an id of its own, numbered without a hole', () => {
  const areas = new Map<string, number[]>()
  for (const id of rules) {
    const area = id?.charAt(0) ?? ''
    areas.set(area, [...(areas.get(area) ?? []), Number(id?.slice(1))])
  }
  expect([...areas.keys()].sort().join('')).toBe('ABCDEHJKMNPSTUW')
  for (const numbers of areas.values()) expect(numbers).toEqual(numbers.map((_, index) => index + 1))
})

it('PROTOCOL.md refers to rules that exist', () => {
  const cited = [...specification.matchAll(/\[([A-Z]\d+)\]/g)].map(([, id]) => id)
  expect(cited.filter((id) => !rules.includes(id))).toEqual([])
})

it('the names of tests cite rules that PROTOCOL.md has', () => {
  const cited = testFiles().flatMap((path) => rulesCitedIn(path).map((id) => ({ path, id })))
  expect(cited.length).toBeGreaterThan(50)
  expect(cited.filter(({ id }) => !rules.includes(id))).toEqual([])
})

function testFiles(): string[] {
  const homes = ['packages', 'examples'].flatMap((home) =>
    existsSync(join(root, home))
      ? readdirSync(join(root, home)).map((name) => join(root, home, name, 'test'))
      : [],
  )
  return [join(root, 'test'), ...homes].filter(existsSync).flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => join(folder, file)),
  )
}

/** Only in the names of tests: elsewhere `[T1]` may be TypeScript. */
function rulesCitedIn(path: string): string[] {
  const names = readFileSync(path, 'utf8').matchAll(/^\s*(?:it|describe|test|\[|\)\(|[`'"]).*$/gm)
  return [...names].flatMap(([line]) =>
    [...line.matchAll(/['"`]\[([ABCDEHJKMPTUW]\d+)\]/g)].map(([, id = '']) => id),
  )
}

it('the example of the README runs and says what it claims', async () => {
  expect(read('../README.md')).toContain(`\`\`\`ts\n${read('readme-example.ts')}\`\`\``)
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await import('./readme-example.js')
  expect(log.mock.calls).toEqual([['invalid_message', 'to']])
  log.mockRestore()
})
