import { $, setText } from './dom.js'

const FLASH_MS = 1_500

/** Shows, above an answer, what it answers. The server does not check that: it may be gone, or never have been there. */
export function drawQuote(row, answered, nameOf, show) {
  const quote = $('.quote', row)
  quote.disabled = !answered
  const message = answered?.entry.message
  const text = !message ? 'an earlier message' : message.deleted ? 'a deleted message' : message.message
  setText($('.whose', quote), message && !message.deleted ? nameOf(answered.entry) : '')
  setText($('.what', quote), text)
  quote.onclick = () => show(answered.row)
}

/** Scrolls to a row and marks it for a moment. */
export function flash(row) {
  row.scrollIntoView({ block: 'center' })
  row.classList.add('flash')
  setTimeout(() => row.classList.remove('flash'), FLASH_MS)
}
