// A small but real chat page, bundled as a user's bundler would: from the built packages, not from the sources.
const fromDist = (config) => ({ ...config, format: 'esm', tsconfigRaw: '{}' })

export default [
  {
    name: 'a chat page with @roomful/client',
    path: 'test/bundle-app/chat.js',
    limit: '21.5 kB',
    gzip: true,
    modifyEsbuildConfig: fromDist,
  },
  {
    name: 'roomful.global.js for a script tag',
    path: 'packages/client/dist/roomful.global.js',
    limit: '21.5 kB',
    gzip: true,
  },
]
