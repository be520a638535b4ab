import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes outside the heap that each of a thousand objects retains, while frames come and go in between. */
export function memoryOfEach(make: (n: number) => unknown): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = () => {
    // The first leaves the sweeping of buffers to another thread; the second waits for it.
    collect()
    collect()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  const things: unknown[] = []
  for (let n = 0; n < 1_000; n++) {
    things.push(make(n))
    Buffer.from('x'.repeat(3_000))
  }
  const bytes = held() - before
  return bytes / things.length
}
