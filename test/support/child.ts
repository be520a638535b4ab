import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs a TypeScript file in a process of its own, and returns the JSON of the last line that it prints. */
export async function runChild<R>(
  file: URL,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<R> {
  const argv = [...nodeOptions, '--import', 'tsx', file.pathname, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, argv, { maxBuffer: 2 ** 26 })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}
