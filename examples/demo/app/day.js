import { redrawIn } from './redraw.js'

const DAY_MS = 86_400_000
const format = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const formatYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' })

/** The day as a number: of two times, whether they are on the same one. Where a person is, a day may have 23 hours. */
export function dayOf(timestamp) {
  const date = new Date(timestamp)
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS
}

/** Changes what is called today at midnight. */
export function today() {
  const now = new Date()
  redrawIn(new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1) - now)
  return dayOf(now)
}

export function nameOfDay(timestamp) {
  const date = new Date(timestamp)
  const ago = dayOf(Date.now()) - dayOf(date)
  if (ago === 0) return 'Today'
  if (ago === 1) return 'Yesterday'
  return (date.getFullYear() === new Date().getFullYear() ? format : formatYear).format(date)
}
