/** The pips of each face, counted from the top left of a grid of nine. */
const PIPS = ['', '4', '08', '048', '0268', '02468', '023568']

export function Die({ value }: { value: number }) {
  return (
    <svg className="die" viewBox="0 0 24 24" aria-hidden="true">
      <rect x="3" y="3" width="18" height="18" rx="4.5" />
      {[...(PIPS[value] ?? '')].map(Number).map((pip) => (
        <circle key={pip} cx={7.5 + 4.5 * (pip % 3)} cy={7.5 + 4.5 * Math.floor(pip / 3)} r="1.5" />
      ))}
    </svg>
  )
}
