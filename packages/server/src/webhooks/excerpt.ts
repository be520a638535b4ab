const CHARACTERS = 200

/**
 * The beginning of a body that is text, in one line for the log; empty for any other body. An endpoint must not be able to
 * write further lines, or control the terminal that shows them.
 */
export function excerptOf(body: Uint8Array): string {
  const text = decoded(body)
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim()
  const characters = Array.from(text)
  return characters.length <= CHARACTERS ? text : `${characters.slice(0, CHARACTERS).join('')}…`
}

function decoded(body: Uint8Array): string {
  try {
    // As a stream, because the body may be cut in the middle of a character.
    return new TextDecoder('utf-8', { fatal: true }).decode(body, { stream: true })
  } catch {
    return ''
  }
}
