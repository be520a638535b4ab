import { Session } from 'node:inspector/promises'
import { vi } from 'vitest'

/** Classes, each with the methods by which other parts enter it. */
export type Doors = Readonly<
  Record<string, readonly [part: { readonly prototype: object }, ...methods: string[]]>
>

/** Notes which doors are passed, in order, until `vi.restoreAllMocks()`. */
export function watch(doors: Doors): string[] {
  const passed: string[] = []
  for (const [name, [{ prototype }, ...names]] of Object.entries(doors)) {
    for (const door of names) {
      const methods = prototype as Record<string, (...args: unknown[]) => unknown>
      const method = methods[door]
      if (!method) throw new Error(`${name} has no method ${door}`)
      vi.spyOn(methods, door).mockImplementation(function (this: unknown, ...args) {
        passed.push(`${name}.${door}`)
        return method.apply(this, args)
      })
    }
  }
  return passed
}

/** How many files below a folder, and functions in them, run at least once while something is done. */
export async function entered(
  folder: string,
  act: () => Promise<void>,
): Promise<{ readonly files: number; readonly functions: number }> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  // What was called before is forgotten.
  await session.post('Profiler.takePreciseCoverage')
  await act()
  const { result } = await session.post('Profiler.takePreciseCoverage')
  session.disconnect()
  const files = new Set<string>()
  const functions = new Set<string>()
  for (const { url, functions: all } of result) {
    const start = url.indexOf(folder)
    const file = url.slice(start + folder.length)
    if (start < 0 || file.startsWith('testing/')) continue
    for (const { functionName, ranges } of all) {
      const [range] = ranges
      if (!range || range.count === 0) continue
      files.add(file)
      functions.add(`${file} ${functionName} ${range.startOffset}`)
    }
  }
  return { files: files.size, functions: functions.size }
}
