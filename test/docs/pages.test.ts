import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const folder = fileURLToPath(new URL('pages', import.meta.url))

/** Each fenced program of a page. */
const programs = (page: string): readonly string[] => page.match(/^```(?:tsx?|js|html|sh)\n.*?^```$/gms) ?? []

describe('the programs of a page', () => {
  it.each(readdirSync(folder))(
    'docs/%s.md shows the files that run as a test, to the letter, and no other program',
    (name) => {
      const page = read(`docs/${name}.md`)
      const files = readdirSync(`${folder}/${name}`).filter((file) => !file.endsWith('.test.ts'))
      const blocks = [...page.matchAll(/^`([\w.-]+)`[^\n]*\n\n(```\w+\n.*?^```)$/gms)]
      const shown = blocks.map(([, file, block]) => [file, block])
      const expected = files.map((file) => [
        file,
        `\`\`\`${file.split('.').at(-1)}\n${read(`test/docs/pages/${name}/${file}`)}\`\`\``,
      ])
      expect(shown.sort()).toEqual(expected.sort())
      expect(programs(page)).toHaveLength(files.length)
    },
  )

  it('docs/quick-start.md shows the commands and programs of the README, which a test follows to the letter', () => {
    const known = programs(read('README.md'))
    const shown = programs(read('docs/quick-start.md'))
    expect(shown.filter((program) => !known.includes(program))).toEqual([])
    expect(shown.length).toBeGreaterThan(5)
  })

  it('docs/one-html-file.md shows the page of examples/vanilla-html, which runs in a test', () => {
    const [page, start] = programs(read('docs/one-html-file.md'))
    expect(page).toBe(`\`\`\`html\n${read('examples/vanilla-html/index.html')}\`\`\``)
    expect(read('examples/vanilla-html/README.md')).toContain(start)
  })
})
