import { expect, it } from 'vitest'
import { derivePartShapes, deriveServerShapes } from '../src/codec/derive-shapes.js'

it('server-shapes.ts is derived from the zod schemas (update with `npx vitest run server-shapes -u`)', async () => {
  const source = `// Derived from server-messages.ts by test/server-shapes.test.ts; do not edit.

/** Objects within messages. */
export const partShapes: Readonly<Record<string, string>> = ${JSON.stringify(derivePartShapes(), null, 2)}

export const serverShapes: Readonly<Record<string, string>> = ${JSON.stringify(deriveServerShapes(), null, 2)}
`
  await expect(source).toMatchFileSnapshot('../src/codec/server-shapes.ts')
})
