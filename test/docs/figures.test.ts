import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const checked = new URL('../../.size-limit.js', import.meta.url).href
const sizes: readonly { readonly name: string; readonly limit: string }[] = (await import(checked)).default

/** The limit that `npm run size` holds a bundle to, in kB. */
const limitOf = (name: string) =>
  Number.parseFloat(sizes.find((size) => size.name.includes(name))?.limit ?? 'none')

describe('figures in the documents', () => {
  const page = limitOf('a chat page with')
  const core = limitOf('with @roomful/client/core')

  it.each([
    ['@roomful/client`', page],
    ['@roomful/client/core`', core],
    ['@roomful/client/chat`', limitOf('@roomful/client/chat') - page],
    ['@roomful/client/react`', limitOf('@roomful/client/react')],
    ['roomful.global.js`', limitOf('roomful.global.js')],
  ])('the size of `%s in packages/client/README.md is the one that is checked', (name, limit) => {
    const row = read('packages/client/README.md')
      .split('\n')
      .find((line) => line.startsWith('|') && line.split('|')[1]?.includes(name))
    const told = Number(/([\d.]+) kB/.exec(row ?? '')?.[1])
    expect(Math.abs(limit - told)).toBeLessThan(0.15)
  })

  it('the sizes in README.md are those that are checked, in whole kB', () => {
    const [, all, less] = /(\d+) kB compressed, (\d+) kB without the timeline/.exec(read('README.md')) ?? []
    expect([all, less].map(Number)).toEqual([Math.round(page), Math.round(core)])
  })

  it('docs/runtimes.md shows what docs/results/runtimes.md says of Bun and Deno', () => {
    const rows = [
      ...read('docs/results/runtimes.md').matchAll(/^\| (\w+ [\d.]+), (.*?) \| (works|fails).*\|$/gm),
    ]
    const runtimes = [...new Set(rows.map(([, runtime]) => runtime))]
    const checks = [...new Set(rows.map(([, , check]) => check))]
    const outcome = (check = '', runtime = '') =>
      rows.find(([, one, other]) => one === runtime && other === check)?.[3] ?? 'not tried'
    const table = [
      `| | ${runtimes.join(' | ')} |`,
      `|---|${'---|'.repeat(runtimes.length)}`,
      ...checks.map(
        (check) => `| ${check} | ${runtimes.map((runtime) => outcome(check, runtime)).join(' | ')} |`,
      ),
    ]
    expect(read('docs/runtimes.md')).toContain(table.join('\n'))
  })
})
