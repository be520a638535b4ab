/** Memory comes in powers of two, from this on: what is lent is at most twice as large as what was asked for. */
const SMALLEST = 256
/** More than this is not kept. */
const LARGEST = 1024 * 1024
/** What is kept in all: as much as many rooms that are flushed in one turn give back. */
const MOST = 4 * LARGEST

/** By size. */
const spare = new Map<number, Buffer[]>()
for (let size = SMALLEST; size <= LARGEST; size *= 2) spare.set(size, [])
let kept = 0

/** Memory, used before if there is some of that size: frames need it for no longer than a write takes. */
export function takeMemory(bytes: number): Buffer {
  if (bytes > LARGEST) return Buffer.allocUnsafe(bytes)
  const size = bytes <= SMALLEST ? SMALLEST : 2 ** (32 - Math.clz32(bytes - 1))
  const memory = spare.get(size)?.pop()
  // Not from Node's pool, of which a small piece would keep all 8 KiB for as long as it is used again.
  if (!memory) return Buffer.allocUnsafeSlow(size)
  kept -= size
  return memory
}

/** Takes memory back that nobody looks at any more: whoever still did would see other frames in it. */
export function giveMemory(memory: Buffer): void {
  const ofSize = spare.get(memory.length)
  if (!ofSize) return
  while (kept + memory.length > MOST) dropOne()
  ofSize.push(memory)
  kept += memory.length
}

/** Of the size that has most: what large rooms have left must not be in the way of small ones for ever. */
function dropOne(): void {
  let most = 0
  for (const [size, { length }] of spare) {
    if (size * length > most * (spare.get(most)?.length ?? 0)) most = size
  }
  spare.get(most)?.pop()
  kept -= most
}
