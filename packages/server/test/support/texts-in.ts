/** The texts of whole text frames of a server. */
export function textsIn(frames: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at < frames.length; ) {
    const payload = payloadAt(frames, at)
    const start = at + headerSize(payload)
    at = start + payload
    texts.push(frames.toString('utf8', start, at))
  }
  return texts
}

function headerSize(payload: number): number {
  if (payload < 126) return 2
  return payload < 65_536 ? 4 : 10
}

function payloadAt(frames: Buffer, at: number): number {
  const length = frames[at + 1] as number
  if (length < 126) return length
  return length === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2))
}
