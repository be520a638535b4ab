import { CLOSE_REASONS } from './close-reasons.js'
import { ERRORS, type ErrorCode } from './error-codes.js'

// Texts that people read, as whole sentences. The production build for browsers uses strings.production.ts instead:
// there, programs read the codes, and texts from the server arrive over the wire.

const REASONS = /* @__PURE__ */ new Map<number, string>(Object.values(CLOSE_REASONS))

export function closeReason(code: number): string {
  return REASONS.get(code) ?? `Closed with code ${code}`
}

export function errorMessage(code: string): string {
  return Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode].text : code
}
