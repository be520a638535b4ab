import { defineConfig } from 'tsup'

export default defineConfig([
  {
    entry: ['src/index.ts', 'src/react.ts'],
    format: ['esm', 'cjs'],
    target: 'es2022',
    platform: 'browser',
    splitting: true,
    dts: { resolve: ['@standard-schema/spec'] },
  },
  {
    // dist/roomful.global.js: everything in one file for a plain <script> tag.
    entry: { roomful: 'src/index.ts' },
    format: 'iife',
    globalName: 'Roomful',
    target: 'es2022',
    platform: 'browser',
    minify: true,
    // Members that partysocket keeps to itself; nothing of Roomful's begins like that.
    esbuildOptions(options) {
      options.mangleProps = /^_/
    },
    noExternal: [/.*/],
  },
])
