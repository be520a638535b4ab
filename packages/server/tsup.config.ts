import { defineConfig } from 'tsup'

const library = ['src/index.ts', 'src/redis.ts', 'src/testing.ts']
// What only the command needs (jose, zod) is a devDependency, and tsup puts it into dist/cli.js.
const common = { target: 'node20', splitting: true, removeNodeProtocol: false } as const

export default defineConfig([
  {
    ...common,
    format: 'esm',
    entry: [...library, 'src/cli.ts'],
    dts: { entry: library, resolve: ['@standard-schema/spec'] },
  },
  { ...common, format: 'cjs', entry: library, dts: { resolve: ['@standard-schema/spec'] } },
])
