/** Measured sizes in V8's heap, for objects that share no shape. */
const [POINTER, HEADER, OBJECT, KEY] = [8, 24, 64, 48]

/** The approximate memory of a value parsed from JSON, which can be twenty times its text. */
export function heapBytes(value: unknown): number {
  if (typeof value === 'string') return HEADER + Buffer.byteLength(value)
  if (typeof value === 'number') return Number.isInteger(value) ? 0 : HEADER
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value))
    return value.reduce((sum: number, item) => sum + POINTER + heapBytes(item), POINTER + HEADER)
  let bytes = OBJECT
  for (const [key, item] of Object.entries(value)) bytes += KEY + Buffer.byteLength(key) + heapBytes(item)
  return bytes
}
