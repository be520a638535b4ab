import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

it('docs/testing.md shows the sample that runs as a test', () => {
  const sample = readFileSync(new URL('kit-sample.test.ts', import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${sample}\`\`\``)
})

it('docs/your-database.md shows the handlers that run as a test', () => {
  const sample = readFileSync(new URL('your-database.ts', import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/your-database.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${sample}\`\`\``)
})

it('docs/webhooks.md shows the receiver that runs as a test', () => {
  const sample = readFileSync(new URL('webhook-receiver.ts', import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${sample}\`\`\``)
})

it('docs/http.md shows the sample that runs as a test', () => {
  const sample = readFileSync(new URL('rest-sample.ts', import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${sample}\`\`\``)
})

it('docs/backplanes.md shows the backplane that runs as a test', () => {
  const sample = readFileSync(new URL('map-backplane.ts', import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/backplanes.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${sample}\`\`\``)
})

it('docs/react.md shows the files of the chat in Next.js, which runs as a test', () => {
  const page = readFileSync(new URL('../../docs/react.md', import.meta.url), 'utf8')
  const section = page.split(/^## /m).find((part) => part.startsWith('A Next.js app\n')) ?? ''
  const shown = [...section.matchAll(/^`([\w./[\]-]+)`[^\n]*\n\n```tsx?\n(.*?)^```$/gms)].map(
    ([, file = '', code]) => {
      const source = new URL(`../../examples/next-chat/${file}`, import.meta.url)
      expect(code, file).toBe(readFileSync(source, 'utf8'))
      return file
    },
  )
  expect(shown).toHaveLength([...section.matchAll(/^```tsx?$/gm)].length)
  expect(shown).toContain('app/[room]/page.tsx')
})

it.each(['hooks.ts', 'chat.tsx'])('docs/react.md shows %s, which runs as a test', (file) => {
  const sample = readFileSync(new URL(`../../examples/readme/${file}`, import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/react.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`${file}\`:\n\n\`\`\`${file.split('.').at(-1)}\n${sample}\`\`\``)
})

it.each(['vue/src/use-observable.ts', 'svelte/src/reactive.ts', 'solid/src/from-observable.ts'])(
  'docs/ui-frameworks.md shows %s, which runs as a test',
  (file) => {
    const sample = readFileSync(new URL(`../../examples/${file}`, import.meta.url), 'utf8')
    const page = readFileSync(new URL('../../docs/ui-frameworks.md', import.meta.url), 'utf8')
    expect(page).toContain(`\`${file.split('/').at(-1)}\`:\n\n\`\`\`ts\n${sample}\`\`\``)
  },
)

it.each(['messages.tsx', 'everything.ts'])('docs/chat.md shows %s, which runs as a test', (file) => {
  const sample = readFileSync(new URL(`../../examples/readme/${file}`, import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/chat.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`${file}\`:\n\n\`\`\`${file.split('.')[1]}\n${sample}\`\`\``)
})

it.each(['badges.ts', 'rooms.tsx', 'unread.tsx'])(
  'docs/unread.md shows %s, whose types are checked',
  (file) => {
    const sample = readFileSync(new URL(`../../examples/readme/${file}`, import.meta.url), 'utf8')
    const page = readFileSync(new URL('../../docs/unread.md', import.meta.url), 'utf8')
    expect(page).toContain(`\`${file}\`:\n\n\`\`\`${file.split('.')[1]}\n${sample}\`\`\``)
  },
)
