import { readFile, writeFile } from 'node:fs/promises'
import { defineConfig, type Options } from 'tsup'
import { productionBuild } from '../../scripts/production-build.js'

const DIRECTIVE = '"use client";\n'

/** The conversion to CommonJS drops the directive, without which a framework renders the hooks where they cannot be. */
const keepsUseClient: NonNullable<Options['plugins']>[number] = {
  name: 'keeps-use-client',
  async buildEnd({ writtenFiles }) {
    for (const { name } of writtenFiles.filter(({ name }) => /\breact\.c?js$/.test(name))) {
      const code = await readFile(name, 'utf8')
      if (!code.startsWith(DIRECTIVE)) await writeFile(name, DIRECTIVE + code)
    }
  },
}

export default defineConfig([
  {
    entry: ['src/index.ts', 'src/core.ts', 'src/chat.ts', 'src/react.ts', 'src/chat-react.ts'],
    format: ['esm', 'cjs'],
    target: 'es2022',
    platform: 'browser',
    splitting: true,
    // One package, but not one file: `chat` has a production build, which an application and the hooks must share.
    external: [/^@roomful\/client\//],
    dts: {
      resolve: ['@standard-schema/spec'],
      compilerOptions: { paths: { '@roomful/client/*': ['./src/*.ts'] } },
    },
    plugins: [keepsUseClient],
  },
  {
    ...productionBuild(),
    entry: ['src/index.ts', 'src/core.ts'],
    // Most of it is for options that nobody sets here; an application's bundler cannot know that.
    noExternal: ['partysocket'],
  },
  {
    // On its own: sharing a file with the others would cost every page what a minifier does across them.
    ...productionBuild(),
    entry: ['src/chat.ts'],
    splitting: false,
  },
  {
    // dist/roomful.global.js: everything in one file for a plain <script> tag.
    ...productionBuild(),
    entry: { roomful: 'src/global.ts' },
    outDir: 'dist',
    format: 'iife',
    globalName: 'Roomful',
    splitting: false,
    noExternal: [/.*/],
  },
])
