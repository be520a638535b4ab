import type { Plugin } from 'esbuild'
import { defineConfig, type Options } from 'tsup'
import { workerText } from './src/backplane/sqlite/worker-text.js'

const library = ['src/index.ts', 'src/redis.ts', 'src/sqlite.ts', 'src/testing.ts']

/** Puts the code of SQLite's thread, as a text, in the place of what makes that text from the sources. */
const embeddedWorker: Plugin = {
  name: 'embedded-worker',
  setup(build) {
    build.onLoad({ filter: /worker-text\.ts$/ }, async () => {
      const text = JSON.stringify(await workerText())
      return { contents: `export const workerText = async () => ${text}` }
    })
  },
}

// What only the command needs (jose) is a devDependency, and tsup puts it into dist/cli.js.
const common: Options = {
  target: 'node20',
  esbuildPlugins: [embeddedWorker],
  splitting: true,
  removeNodeProtocol: false,
}

export default defineConfig([
  {
    ...common,
    format: 'esm',
    entry: [...library, 'src/cli.ts'],
    dts: { entry: library, resolve: ['@standard-schema/spec'] },
  },
  { ...common, format: 'cjs', entry: library, dts: { resolve: ['@standard-schema/spec'] } },
  // For any runtime: the build fails if anything of Node's gets into it.
  {
    ...common,
    format: ['esm', 'cjs'],
    platform: 'neutral',
    splitting: false,
    entry: ['src/rest.ts'],
    dts: true,
  },
])
