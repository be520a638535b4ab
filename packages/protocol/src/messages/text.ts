/** Longest chat text, in Unicode code points. */
export const MAX_TEXT_LENGTH = 1_000
/** Longest room id, in Unicode code points. */
export const MAX_ROOM_ID_LENGTH = 128
/** The logged stream of the connection's own user, under the name by which every device of that user joins it. */
export const OWN_STREAM = '@me'

const WHITE_SPACE_ONLY = /^\p{White_Space}*$/u
const LONE_SURROGATE = /\p{Surrogate}/u
const LONE_SURROGATES = /\p{Surrogate}/gu
const PLAIN_ROOM_ID = /^[A-Za-z\d_.:\-=,;][A-Za-z\d_.:\-=@,;]{0,127}$/
// Default-ignorable letters and marks are refused, or two rooms could look alike.
const ROOM_ID = /^(?:(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}_.:\-=@,;])+$/u

/** Printable ASCII, so that a token is the same in a log line, a key of a store, and every language's string. */
export const TOKEN = /^[ -~]{1,64}$/

export type TextError = 'message_too_long' | 'message_empty' | 'invalid_text'

/** Checks a chat text in the protocol's order: length, then blankness, then well-formedness. */
export function checkText(text: string, maxLength: number = MAX_TEXT_LENGTH): TextError | undefined {
  if (isLongerThan(text, maxLength)) return 'message_too_long'
  if (WHITE_SPACE_ONLY.test(text)) return 'message_empty'
  if (!isWellFormed(text)) return 'invalid_text'
  return undefined
}

/** Whether a name may be a room's: letters and digits of any script and `_ . : - = @ , ;`, in NFC, no leading `@`. */
export function isRoomId(id: unknown): id is string {
  // A regular expression would take 5 and undefined for their texts.
  if (typeof id !== 'string') return false
  if (PLAIN_ROOM_ID.test(id) || id === OWN_STREAM) return true
  return (
    !id.startsWith('@') &&
    ROOM_ID.test(id) &&
    !isLongerThan(id, MAX_ROOM_ID_LENGTH) &&
    id.normalize('NFC') === id
  )
}

/** False for a string with a lone surrogate: UTF-8 has no form for it, so it would change on the wire. */
export function isWellFormed(text: string): boolean {
  // Engines that know it look at the string's kind first: most texts hold no surrogates at all.
  return text.isWellFormed?.() ?? !LONE_SURROGATE.test(text)
}

/** The text with U+FFFD in the place of each lone surrogate. */
export function toWellFormed(text: string): string {
  return text.replace(LONE_SURROGATES, '\ufffd')
}

/** The first `length` code points of a text. */
export function truncate(text: string, length: number): string {
  return text.length <= length
    ? text
    : Array.from(text.slice(0, 2 * length))
        .slice(0, length)
        .join('')
}

function isLongerThan(text: string, length: number): boolean {
  if (text.length <= length) return false
  if (text.length > 2 * length) return true
  let count = 0
  for (const _ of text) count++
  return count > length
}
