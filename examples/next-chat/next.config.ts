import type { NextConfig } from 'next'

const config: NextConfig = {
  cacheComponents: true,
  partialPrefetching: true,
  // Only because this folder is inside another project: Next.js takes the topmost lockfile for the root.
  turbopack: { root: import.meta.dirname },
}

export default config
