export function Avatar({ name }: { name: string }) {
  return (
    <span className="avatar" data-tone={toneOf(name)} aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  )
}

/** Which of six colours a person has: the same on every page. */
export function toneOf(name: string): number {
  return [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973, 0) % 6
}
