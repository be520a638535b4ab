// A small but real chat page, bundled as a user's bundler would: from the built packages, not from the sources.
const fromDist = (config) => ({ ...config, tsconfigRaw: '{}' })

export default [
  {
    name: 'a chat page with @roomful/client',
    path: 'test/bundle-app/chat.js',
    limit: '12 kB',
    gzip: true,
    modifyEsbuildConfig: fromDist,
  },
]
