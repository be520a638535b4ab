import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('packages', import.meta.url))

export default defineConfig({
  resolve: {
    // Tests run against the sources; tsconfig.base.json holds the same map for the compiler.
    alias: [
      { find: '@roomful/protocol/define', replacement: `${packages}/protocol/src/define-protocol.ts` },
      { find: /^@roomful\/(protocol|server|client)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@roomful\/(protocol|server|client)\/([\w-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    globalSetup: 'test/support/sqlite-setup.ts',
    // More than two processors: most tests wait for sockets, browsers and time-outs.
    maxWorkers: 3,
    testTimeout: 40_000,
    hookTimeout: 60_000,
    // The default of one second is too short for files and sockets on a busy machine.
    expect: { poll: { timeout: 10_000 } },
  },
})
