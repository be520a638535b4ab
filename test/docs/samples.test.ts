import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

it('docs/testing.md shows the sample that runs as a test', () => {
  const sample = readFileSync(new URL('kit-sample.test.ts', import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts\n${sample}\`\`\``)
})
