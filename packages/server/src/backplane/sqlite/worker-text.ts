import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * The code of the store's thread, as one text: a bundler that puts a server into one file takes it along, where it would
 * lose a file beside it. The build has the text in this file's place (tsup.config.ts).
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
  if (!code) throw new Error('esbuild made nothing of worker.ts')
  return code.text
}
