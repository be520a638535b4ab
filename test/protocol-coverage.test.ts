import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { testNamesIn } from './support/test-names.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const text = readFileSync(join(root, 'packages/protocol/PROTOCOL.md'), 'utf8')
const rules = [...text.matchAll(/^- \*\*\[([A-Z]\d+)\]\*\*/gm)].map(([, id]) => id)
const tests = testNamesIn(root, ['packages', 'examples', 'test'])
const cited = tests.flatMap(({ file, name }) =>
  [...name.matchAll(/\[([A-Z]\d+)\]/g)].map(([, id]) => ({ id, file, name })),
)

describe('the protocol’s rules', () => {
  it('the protocol’s rules have an id each, and no id is given twice', () => {
    expect(rules.length).toBeGreaterThan(100)
    expect(rules.filter((id, index) => rules.indexOf(id) !== index)).toEqual([])
  })

  it('the protocol’s rules are each cited by the name of a test', () => {
    const covered = new Set(cited.map(({ id }) => id))
    expect(rules.filter((id) => !covered.has(id))).toEqual([])
  })

  it('the protocol’s rules that tests cite exist', () => {
    expect(cited.filter(({ id }) => !rules.includes(id))).toEqual([])
  })
})
