/** Longest chat text, in Unicode code points. */
export const MAX_TEXT_LENGTH = 1_000
/** Longest room id, in Unicode code points. */
export const MAX_ROOM_ID_LENGTH = 128
/** Longest user id, in Unicode code points: members of the user's rooms get it in every frame. */
export const MAX_USER_ID_LENGTH = 256
/** Most users whom a chat message may mention. */
export const MAX_MENTIONS = 50
/** Longest reaction, in bytes of UTF-8. */
export const MAX_REACTION_BYTES = 32
/** The room name by which every device of a user joins that user's own log. */
export const OWN_STREAM = '@me'

const WHITE_SPACE_ONLY = /^\p{White_Space}*$/u
const LONE_SURROGATE = /\p{Surrogate}/u
const LONE_SURROGATES = /\p{Surrogate}/gu
const PLAIN_ROOM_ID = /^[A-Za-z\d_.:\-=,;][A-Za-z\d_.:\-=@,;]{0,127}$/
// Excludes default-ignorable letters and marks: with them, two different rooms could look alike.
const ROOM_ID = /^(?:(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}_.:\-=@,;])+$/u

/**
 * Printable ASCII, so that a token looks the same in a log line, in a key of a store, and in any programming
 * language.
 */
export const TOKEN = /^[ -~]{1,64}$/

/** A text on one line; the property Cc, spelled out for readers of the JSON Schema. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it excludes
export const REACTION = /^[^\u0000-\u001f\u007f-\u009f]+$/

export type TextError = 'message_too_long' | 'message_empty' | 'invalid_text'

/** Checks a chat text in the protocol's order: length, then blankness, then well-formedness. */
export function checkText(text: string, maxLength: number = MAX_TEXT_LENGTH): TextError | undefined {
  if (isLongerThan(text, maxLength)) return 'message_too_long'
  if (WHITE_SPACE_ONLY.test(text)) return 'message_empty'
  if (!isWellFormed(text)) return 'invalid_text'
  return undefined
}

/**
 * Whether this is a valid room name: letters and digits of any script and `_ . : - = @ , ;`, in NFC, no leading `@`.
 */
export function isRoomId(id: unknown): id is string {
  // Without this, the regular expression would accept 5 and undefined as their texts.
  if (typeof id !== 'string') return false
  if (PLAIN_ROOM_ID.test(id) || id === OWN_STREAM) return true
  return (
    !id.startsWith('@') &&
    ROOM_ID.test(id) &&
    !isLongerThan(id, MAX_ROOM_ID_LENGTH) &&
    id.normalize('NFC') === id
  )
}

/** False for a string with a lone surrogate: UTF-8 cannot encode it, so it would change on the wire. */
export function isWellFormed(text: string): boolean {
  // Engines that have `isWellFormed` check the string's representation first; most texts cannot contain surrogates.
  return text.isWellFormed?.() ?? !LONE_SURROGATE.test(text)
}

/** The text with U+FFFD in place of each lone surrogate. */
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

export function isLongerThan(text: string, length: number): boolean {
  if (text.length <= length) return false
  if (text.length > 2 * length) return true
  let count = 0
  for (const _ of text) count++
  return count > length
}
