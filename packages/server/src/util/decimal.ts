const THOUSAND = 1_000

/** `000` to `999` */
const lastDigits = Array.from({ length: THOUSAND }, (_, n) => String(n).padStart(3, '0'))

let thousands = 0
let prefix = ''

/**
 * A whole number, from 0, in decimal digits. V8 remembers the texts of the last numbers that it was asked for: of offsets,
 * each of which comes once, that were all moved to its old space to be forgotten there.
 */
export function decimal(n: number): string {
  if (n < THOUSAND) return String(n)
  const rest = n % THOUSAND
  const whole = (n - rest) / THOUSAND
  if (whole !== thousands) {
    thousands = whole
    prefix = String(whole)
  }
  return prefix + lastDigits[rest]
}
