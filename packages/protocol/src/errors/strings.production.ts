import { baseText } from './error-codes.js'

/** A server gives the reason with the code; a connection that broke has none. */
export const closeReason = (code: number): string =>
  code === 1006 ? 'Connection lost' : `Closed with code ${code}`

/** What is wrong with a text that a person typed is said in words; for the rest, the code tells. */
export const errorMessage = (code: string): string => baseText(code) ?? code
