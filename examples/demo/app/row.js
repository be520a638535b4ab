import { $, make, setText } from './dom.js'
import { setLinkedText } from './links.js'

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** Writes what an entry says into its row: text, place and state, and how to repair what failed. */
export function fillRow(row, entry) {
  const { message, state, amendment } = entry
  setLinkedText($('.bubble p', row), message.deleted ? 'Deleted' : message.message)
  $('.quote', row).hidden = !message.reply_to
  $('.meta', row).replaceChildren(...marksOf(message))
  const repair = $('.repair', row)
  repair.hidden = state !== 'failed' && state !== 'lost' && amendment !== 'failed'
  setText($('span', repair), repair.hidden ? '' : describeFault(entry))
  setText($('.retry', row), amendment ? 'Try again' : 'Send again')
  setText($('.discard', row), amendment ? 'Dismiss' : 'Discard')
  $('.retry', row).hidden = state === 'lost'
}

function marksOf({ deleted, edited_at, timestamp, offset }) {
  const marks = [make('time', '', timeOf(timestamp))]
  if (edited_at && !deleted) {
    const edited = make('span', 'edited', 'edited')
    edited.title = timeOf(edited_at)
    marks.unshift(edited, ' ')
  }
  if (offset !== undefined) marks.push(' ', make('i', '', `#${offset}`))
  return marks
}

function describeFault({ state, error }) {
  if (state === 'lost') return 'The server lost it'
  return `${state === 'failed' ? 'Not sent' : 'Not changed'}: ${error.message}`
}

const timeOf = (timestamp) => clock.format(new Date(timestamp))

/** What waits on this side of the cable, or is on its way. */
export function describePending({ amendment, message }, isLive, waiting) {
  if (!amendment) return isLive ? 'sending' : `waiting ${waiting}`
  if (isLive) return message.deleted ? 'deleting' : 'saving'
  return message.deleted ? 'deletion waits' : 'edit waits'
}
