/** The names that a client goes through until it finds one that nobody in the room has. */
export const NAMES = [
  ['Ada', 'Barbara', 'Edsger', 'Radia', 'Donald', 'Katherine'],
  ['Grace', 'Alan', 'Margaret', 'Tim', 'Hedy', 'Ken'],
]

export const toneOf = (name) =>
  [...name].reduce((sum, letter) => (sum * 43 + letter.codePointAt(0)) % 9973, 35) % 6

export const initialOf = (name) => [...new Intl.Segmenter().segment(name)][0]?.segment.toUpperCase() ?? '?'

/** A name cannot turn the direction of the text around it. */
export const isolate = (name) => `\u2068${name}\u2069`

/** Keeps a name for the tab. Where storing is forbidden, a reload forgets it. */
export function remember(key, value) {
  try {
    sessionStorage.setItem(key, value)
  } catch (error) {
    console.warn(error)
  }
}

export function recall(key) {
  try {
    return sessionStorage.getItem(key) ?? undefined
  } catch {
    return undefined
  }
}
