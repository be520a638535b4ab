import { defineConfig } from 'tsup'

const library = ['src/index.ts', 'src/testing.ts']
const common = { target: 'node20', splitting: true } as const

export default defineConfig([
  {
    ...common,
    format: 'esm',
    entry: [...library, 'src/cli.ts'],
    dts: { entry: library, resolve: ['@standard-schema/spec'] },
  },
  { ...common, format: 'cjs', entry: library, dts: { resolve: ['@standard-schema/spec'] } },
])
