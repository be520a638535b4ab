import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Options } from 'tsup'

/**
 * How the builds are made that browsers download: `x.production.ts` in the place of `x.ts` where there is one, and the
 * work of a minifier that not every application's bundler has. Made anew for each build: terser writes into its options.
 */
export const productionBuild = (): Options => ({
  outDir: 'dist/production',
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  splitting: true,
  sourcemap: true,
  minify: 'terser',
  terserOptions: {
    ecma: 2020,
    compress: {
      passes: 3,
      pure_getters: true,
      pure_funcs: ['this._debug'],
      drop_console: true,
      // Both make a text that is shorter, and longer once it is compressed.
      reduce_funcs: false,
      sequences: false,
    },
    // What an application does not use, its bundler drops only with these.
    format: { preserve_annotations: true },
    // Members that partysocket keeps to itself; nothing of Roomful's begins like that.
    mangle: { properties: { regex: /^_[a-z]/ } },
  },
  esbuildPlugins: [
    {
      name: 'production-twins',
      setup(build) {
        build.onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path, resolveDir }) => {
          const twin = join(resolveDir, path.replace(/\.js$/, '.production.ts'))
          return existsSync(twin) ? { path: twin } : undefined
        })
      },
    },
  ],
})
