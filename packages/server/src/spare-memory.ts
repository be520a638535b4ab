/** Less than this is not worth looking for. */
const SMALLEST = 256
const LARGEST = 1024 * 1024
const MOST = 4
/** What is lent is at most so many times as large as what was asked for: a slow reader may keep it for long. */
const WASTE = 4

const spare: Buffer[] = []

/** Memory, used before if there is some of about that size: frames need it for no longer than a write takes. */
export function takeMemory(bytes: number): Buffer {
  if (bytes < SMALLEST) return Buffer.allocUnsafe(bytes)
  for (let index = spare.length - 1; index >= 0; index--) {
    const memory = spare[index] as Buffer
    if (memory.length < bytes || memory.length > WASTE * bytes) continue
    spare[index] = spare.at(-1) as Buffer
    spare.pop()
    return memory
  }
  return Buffer.allocUnsafe(bytes)
}

/** Takes memory back that nobody looks at any more: whoever still did would see other frames in it. */
export function giveMemory(memory: Buffer): void {
  if (memory.length < SMALLEST || memory.length > LARGEST) return
  if (spare.length < MOST) spare.push(memory)
  else spare[0] = memory
}
