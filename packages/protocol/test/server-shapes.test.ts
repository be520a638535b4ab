import { expect, it } from 'vitest'
import { deriveServerShapes } from '../src/derive-shapes.js'

it('server-shapes.ts is derived from the zod schemas (update with `npx vitest run -u server-shapes`)', async () => {
  const source = `// Derived from server-messages.ts by test/server-shapes.test.ts; do not edit.
import type { Shape } from './shape.js'

export const serverShapes: Readonly<Record<string, Shape>> = ${JSON.stringify(deriveServerShapes(), null, 2)}
`
  await expect(source).toMatchFileSnapshot('../src/server-shapes.ts')
})
