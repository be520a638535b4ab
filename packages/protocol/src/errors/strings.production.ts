import { baseText } from './error-codes.js'

/** A server sends the reason with the code; a broken connection has none. */
export const closeReason = (code: number): string =>
  code === 1006 ? 'Connection lost' : `Closed with code ${code}`

/** Only mistakes in a text that a person typed are put into words. For all other errors, the code is the message. */
export const errorMessage = (code: string): string => baseText(code) ?? code
