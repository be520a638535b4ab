// Small but real pages, bundled as a user's bundler would: from the built packages, not from the sources.
const fromDist = (config) => ({ ...config, format: 'esm', tsconfigRaw: '{}' })
const bundled = { gzip: true, modifyEsbuildConfig: fromDist }

export default [
  {
    ...bundled,
    name: 'a chat page with @roomful/client',
    path: 'test/bundle-app/chat.js',
    limit: '25.6 kB',
  },
  {
    ...bundled,
    name: 'that page with @roomful/client/core',
    path: 'test/bundle-app/core.js',
    limit: '22.25 kB',
  },
  {
    ...bundled,
    name: 'a page that edits, deletes and reacts, with @roomful/client/chat',
    path: 'test/bundle-app/edits.js',
    limit: '29.8 kB',
  },
  {
    ...bundled,
    name: 'the hooks of @roomful/client/react, without React',
    path: 'packages/client/dist/react.js',
    ignore: ['react'],
    limit: '1.05 kB',
  },
  {
    ...bundled,
    name: 'the hooks of @roomful/client/chat-react, without React and the chat entry',
    path: 'packages/client/dist/chat-react.js',
    ignore: ['react', '@roomful/client/chat'],
    limit: '0.45 kB',
  },
  {
    ...bundled,
    name: 'a page with a contract of its own and a stored outbox, without zod',
    path: 'test/bundle-app/contract.js',
    ignore: ['zod/mini'],
    limit: '28.2 kB',
  },
  {
    ...bundled,
    name: 'the page with a contract and zod/mini',
    path: 'test/bundle-app/contract.js',
    limit: '32.8 kB',
  },
  {
    ...bundled,
    name: 'roomful.global.js for a script tag',
    path: 'packages/client/dist/roomful.global.js',
    limit: '32.05 kB',
  },
]
