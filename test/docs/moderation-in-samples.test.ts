import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const files = execFileSync(
  'git',
  ['ls-files', 'docs', 'examples', 'packages', 'README.md', 'test/docs/pages'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .trim()
  .split('\n')
  .filter((file) => /\.(md|m?ts|mjs)$/.test(file) && !/^packages\/\w+\/(src|test)\//.test(file))

/** Each program that decides who may do what. */
const samples = files.flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8')
  const programs = file.endsWith('.md') ? [...text.matchAll(/^```\w+\n(.*?)^```$/gms)] : [[text, text]]
  return programs
    .map(([, code = '']) => ({ file, code }))
    .filter(({ code }) => /^\s*authorize(: |\()/m.test(code))
})

it('there are samples with authorize', () => {
  expect(samples.length).toBeGreaterThan(10)
})

// Members who copy such a program could change what others wrote.
it.each(samples)('[D4] the authorize of $file decides on moderate', ({ code }) => {
  expect(code).toMatch(/'moderate'|authorize: \(\) => false/)
})
