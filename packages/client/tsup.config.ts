import { defineConfig } from 'tsup'
import { productionBuild } from '../../scripts/production-build.js'

export default defineConfig([
  {
    entry: ['src/index.ts', 'src/core.ts', 'src/react.ts'],
    format: ['esm', 'cjs'],
    target: 'es2022',
    platform: 'browser',
    splitting: true,
    dts: { resolve: ['@standard-schema/spec'] },
  },
  {
    ...productionBuild(),
    entry: ['src/index.ts', 'src/core.ts'],
    // Most of it is for options that nobody sets here; an application's bundler cannot know that.
    noExternal: ['partysocket'],
  },
  {
    // dist/roomful.global.js: everything in one file for a plain <script> tag.
    ...productionBuild(),
    entry: { roomful: 'src/index.ts' },
    outDir: 'dist',
    format: 'iife',
    globalName: 'Roomful',
    splitting: false,
    noExternal: [/.*/],
  },
])
