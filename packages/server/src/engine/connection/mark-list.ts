import type { UserMark } from '../../api/contracts/marks.js'

/** Marks, as written into a frame. */
export interface MarkList {
  readonly text: string
}

/** `undefined` if the list would be longer than allowed. */
export function markList(marks: readonly UserMark[], maxBytes: number): MarkList | undefined {
  const list = marks.map(({ userId, mark: { epoch, offset, id } }) => ({
    user_id: userId,
    epoch,
    offset,
    id,
  }))
  const text = JSON.stringify(list)
  return Buffer.byteLength(text) > maxBytes ? undefined : { text }
}
