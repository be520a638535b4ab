import { defineConfig, type Options } from 'tsup'
import { productionBuild } from '../../scripts/production-build.js'

const common: Options = {
  // The codec is an entry so that index.js only re-exports: a bundle that imports defineProtocol from the root
  // would else carry zod, whose calls at the top of a module no bundler may drop.
  entry: [
    'src/index.ts',
    'src/codec.ts',
    'src/define-protocol.ts',
    'src/wire.ts',
    'src/schemas.ts',
    'src/json-schema.ts',
    'src/options.ts',
  ],
  // Without splitting each entry carries its own copy of the schemas, and a class would differ between sub-paths.
  splitting: true,
  plugins: [
    {
      // Splitting leaves imports without a name, which do nothing here and which esbuild warns each user about.
      name: 'drop-bare-imports',
      renderChunk: (code) => ({ code: code.replace(/^import ".\/chunk-\w+\.js";\n/gm, '') }),
    },
  ],
}

export default defineConfig([
  {
    ...common,
    format: ['esm', 'cjs'],
    target: 'es2022',
    platform: 'neutral',
    // Inlined, so that the published types need no @standard-schema/spec in the consumer's project.
    dts: { resolve: ['@standard-schema/spec'] },
  },
  { ...productionBuild(), ...common },
])
