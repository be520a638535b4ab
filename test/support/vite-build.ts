import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'

const vite = join(createRequire(import.meta.url).resolve('vite/package.json'), '../bin/vite.js')

/** Builds an example's pages into its `dist`, as its `npm start` does: in production mode, unlike this process. */
export async function buildPages(folder: string): Promise<void> {
  const env = { ...process.env, NODE_ENV: 'production' }
  await promisify(execFile)(process.execPath, [vite, 'build', '--logLevel', 'warn'], { cwd: folder, env })
}
