import { CLOSE_REASONS } from './close-reasons.js'
import { ERRORS, type ErrorCode } from './error-codes.js'

// What people read, in whole sentences. A production build for browsers takes strings.production.ts in its place:
// there, programs read the codes, and what a server says comes over the wire.

const REASONS = /* @__PURE__ */ new Map<number, string>(Object.values(CLOSE_REASONS))

export function closeReason(code: number): string {
  return REASONS.get(code) ?? `Closed with code ${code}`
}

export function errorMessage(code: string): string {
  return Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode].text : code
}
