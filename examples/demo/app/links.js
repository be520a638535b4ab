import { make } from './dom.js'

const ADDRESS = /https?:\/\/[^\s<>"'`]+/gi
/** What follows an address in a sentence, and is none of it. */
const END = /[.,:;!?…*_~\])}»”’]+$/

/** Shows a text, in which addresses of the web can be clicked. Everything else, and all markup, stays text. */
export function setLinkedText(element, text) {
  if (element.textContent === text) return
  const parts = []
  let at = 0
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(found)
    if (!URL.canParse(address)) continue
    parts.push(text.slice(at, index), makeLink(address))
    at = index + address.length
  }
  element.replaceChildren(...parts, text.slice(at))
}

/** A bracket that was opened in the address belongs to it, as in many of Wikipedia's. */
function trimmed(address) {
  const end = END.exec(address)?.[0] ?? ''
  const bare = address.slice(0, address.length - end.length)
  const isOpen = bare.split('(').length > bare.split(')').length
  return isOpen && end.startsWith(')') ? `${bare})` : bare
}

function makeLink(address) {
  const link = Object.assign(make('a', '', address), {
    href: address,
    target: '_blank',
    rel: 'noopener noreferrer',
  })
  link.tabIndex = -1
  return link
}
