import type { Row } from './driver.js'

/** Reads columns as they were written. A value of another type was not written by Roomful, or is damaged. */
export function numberIn(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw misfit(column)
  return value
}

export function textIn(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw misfit(column)
  return value
}

function misfit(column: string): Error {
  return new Error(`the column ${column} holds what was never written there`)
}
