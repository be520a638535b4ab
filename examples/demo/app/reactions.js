import { $, make, setText } from './dom.js'

/** What the menu offers, with the names that screen readers say. */
export const REACTIONS = new Map([
  ['👍', 'Thumbs up'],
  ['❤️', 'Heart'],
  ['😂', 'Laughing'],
  ['🎉', 'Party'],
])

/** Shows who reacted how often below a message. A button that stays is kept, and with it the focus. */
export function drawReactions(row, { message }, toggle) {
  const list = $('.chips', row)
  const reactions = message.reactions ?? []
  const known = new Map([...list.children].map((chip) => [chip.dataset.reaction, chip]))
  const chips = reactions.map(({ reaction, count, own }) => {
    const chip = known.get(reaction) ?? makeChip(reaction)
    const button = $('button', chip)
    setText($('b', button), String(count))
    button.ariaPressed = String(own === true)
    button.ariaLabel = `${REACTIONS.get(reaction) ?? reaction}: ${count} ${count === 1 ? 'person' : 'people'}`
    button.onclick = () => toggle(reaction)
    return chip
  })
  list.hidden = chips.length === 0
  if (chips.length !== known.size || chips.some((chip, index) => chip !== list.children[index]))
    list.replaceChildren(...chips)
}

function makeChip(reaction) {
  const chip = make('li')
  const button = make('button')
  button.tabIndex = -1
  button.append(make('span', '', reaction), ' ', make('b'))
  chip.append(button)
  chip.dataset.reaction = reaction
  return chip
}
