let last = { wall: Number.NaN, text: '' }

/** RFC 3339 in UTC. Messages of one millisecond share the text. */
export function isoTime(wall: number): string {
  if (wall !== last.wall) last = { wall, text: new Date(wall).toISOString() }
  return last.text
}
