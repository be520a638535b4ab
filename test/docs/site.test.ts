import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { linkOnSite, withLinksOfSite } from '../../site/links.js'
import { allPages, lists, root, sections } from '../../site/pages.js'

const documents = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file}`)

describe('the site', () => {
  it('has every document in its navigation or in a list, once', () => {
    const shown = allPages.map(({ file }) => file).filter((file) => file.startsWith('docs/'))
    expect(shown.sort()).toEqual(documents.sort())
  })

  it('has a name of its own for each page', () => {
    for (const of of ['path', 'text'] as const) {
      const names = [...sections, ...lists].flatMap(({ pages }) => pages.map((page) => page[of]))
      expect(new Set(names).size).toBe(names.length)
    }
  })
})

describe('links on the site', () => {
  const on = (file: string, link: string) => linkOnSite(file, link, 'https://host/repo')

  it.each([
    ['a document', 'docs/react.md', 'chat.md#reactions', '/chat.md#reactions'],
    [
      'a page from elsewhere',
      'docs/react.md',
      '../packages/client/README.md#a-room',
      '/packages/client.md#a-room',
    ],
    ['a document of a folder', 'docs/results/nodes.md', '../deploy.md', '/deploy.md'],
    ['an image', 'README.md', 'docs/images/demo-phone.png', '/images/demo-phone.png'],
  ])('a link to %s stays on the site', (_, file, link, expected) => {
    expect(on(file, link)).toBe(expected)
  })

  it.each([
    ['a file', 'docs/react.md', '../examples/readme/hooks.ts', 'blob/main/examples/readme/hooks.ts'],
    ['a folder', 'docs/deploy.md', '../examples/two-nodes-redis', 'tree/main/examples/two-nodes-redis'],
    [
      'a name that is encoded',
      'docs/react.md',
      '../examples/next-chat/app/%5Broom%5D/time.tsx',
      'blob/main/examples/next-chat/app/%5Broom%5D/time.tsx',
    ],
  ])('a link to %s of the repository leads to the code host', (_, file, link, expected) => {
    expect(on(file, link)).toBe(`https://host/repo/${expected}`)
  })

  it.each(['https://example.com', 'mailto:a@b.c', '#below'])('the link %s stays as it is', (link) => {
    expect(on('docs/react.md', link)).toBe(link)
  })

  it.each(['<img alt="a" src="', '<source media="b" srcset="'])(
    'a picture in %s... stays on the site',
    (tag) => {
      const text = `${tag}docs/images/demo.png">`
      expect(withLinksOfSite('README.md', text, 'https://host/repo')).toBe(`${tag}/images/demo.png">`)
    },
  )

  it('a link whose text is the path of a page shows the name of the page', () => {
    const text = 'See [store.md](../docs/store.md#backup-and-restore) and [results.md](results.md).'
    expect(withLinksOfSite('bench/README.md', text, 'https://host/repo')).toBe(
      'See [Messages on disk](/store.md#backup-and-restore) and [Benchmarks](/bench/results.md).',
    )
  })

  it('programs keep what looks like a link', () => {
    const program = '```ts\nlist[0](chat.md)\n```'
    expect(withLinksOfSite('docs/react.md', program, 'https://host/repo')).toBe(program)
  })
})
