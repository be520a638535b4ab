/** Splits the output of Redis into whole values of its protocol (RESP 2 and 3). */
export class RespSplitter {
  #rest: Buffer = Buffer.alloc(0)

  /** The values that are complete now, as bytes. */
  push(bytes: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const values: Buffer[] = []
    let start = 0
    for (let end = endOf(all, 0); end >= 0; end = endOf(all, start)) {
      values.push(all.subarray(start, end))
      start = end
    }
    this.#rest = all.subarray(start)
    return values
  }
}

/** Whether a value is a publication to a subscriber. */
export function isPublication(value: Buffer): boolean {
  return /^[*>][34]\r\n\$\d+\r\n[sp]?message\r\n/.test(value.toString('latin1', 0, 32))
}

/** Where the value that starts here ends; -1 if it is not all there. */
function endOf(bytes: Buffer, start: number): number {
  const line = bytes.indexOf('\r\n', start)
  if (line < 0) return -1
  const length = Number(bytes.toString('latin1', start + 1, line))
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '$':
    case '=':
    case '!':
      if (length < 0) return line + 2
      return line + 2 + length + 2 <= bytes.length ? line + 2 + length + 2 : -1
    case '*':
    case '~':
    case '>':
      return endOfItems(bytes, line + 2, length)
    case '%':
      return endOfItems(bytes, line + 2, length * 2)
    case '|':
      // Attributes precede the value that they describe.
      return endOfItems(bytes, line + 2, length * 2 + 1)
    default:
      return line + 2
  }
}

function endOfItems(bytes: Buffer, start: number, count: number): number {
  let end = start
  for (let left = count; left > 0 && end >= 0; left--) end = endOf(bytes, end)
  return end
}
