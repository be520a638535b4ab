const TONES = 6

/** The colour of a person: the same on the server and in every browser. */
export function toneOf(name: string): number {
  return [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9_973, 0) % TONES
}

export function Avatar({ name }: { name: string }) {
  const [initial = ''] = name
  return (
    <span className="avatar" data-tone={toneOf(name)} aria-hidden="true">
      {initial.toUpperCase()}
    </span>
  )
}
