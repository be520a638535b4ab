import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * The code of the store's thread, as a text: a bundler that puts a server into one file includes it, but would lose a
 * separate file. The build puts the text in place of this file (tsup.config.ts).
 */
export async function workerText(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  })
  const [code] = outputFiles
  if (!code) throw new Error('esbuild produced no code from worker.ts')
  return code.text
}
