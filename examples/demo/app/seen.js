import { $, setText } from './dom.js'
import { isolate } from './people.js'

/** Says below own messages who has seen them: each reader at the last one that they have seen. */
export class Seen {
  #rows = new Set()

  /** @param own the rows of own messages with their entries, in the order of the screen */
  draw(own, readers) {
    const names = new Map()
    for (const { name, mark } of readers) {
      const row = own.findLast(({ entry }) => isBelow(entry, mark))?.row
      if (row) names.set(row, [...(names.get(row) ?? []), isolate(name)])
    }
    for (const row of this.#rows) if (!names.has(row)) $('.seen', row).hidden = true
    for (const [row, those] of names) {
      $('.seen', row).hidden = false
      setText($('.seen', row), `Seen by ${those.join(', ')}`)
    }
    this.#rows = new Set(names.keys())
  }
}

const isBelow = ({ state, message }, mark) =>
  state === 'sent' && message.epoch === mark.epoch && message.offset <= mark.offset
