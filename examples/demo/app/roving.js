/** One Tab stop for a whole list: up and down go from row to row, left and right through what a row offers. */
export class Roving {
  #list
  #current

  constructor(list) {
    this.#list = list
    list.addEventListener('focusin', ({ target }) => this.#moveTo(target))
    list.addEventListener('keydown', (event) => this.#press(event))
  }

  /**
   * Calls what changes rows. Unless the focus is among them, the newest row is the Tab stop from then on; if what had the
   * focus is gone, the nearest row has it.
   */
  settle(change) {
    const hadFocus = this.#current === document.activeElement
    const near = hadFocus ? neighbours(this.#current?.closest('li.message')) : []
    const result = change()
    if (hadFocus && this.#current?.isConnected && isShown(this.#current)) return result
    this.#moveTo(near.map(stopOf).find((stop) => stop?.isConnected) ?? this.#newest())
    if (hadFocus) this.#current?.focus({ preventScroll: true })
    return result
  }

  focusRow(row) {
    stopOf(row)?.focus({ preventScroll: true })
  }

  #newest() {
    return stopOf(findRow(this.#list.lastElementChild, 'previousElementSibling'))
  }

  #press(event) {
    const to = this.#target(event.key)
    if (!to) return
    event.preventDefault()
    to.focus()
    to.closest('li.message').scrollIntoView({ block: 'nearest' })
  }

  #target(key) {
    const row = this.#current?.closest('li.message')
    if (!row) return
    const controls = controlsOf(row)
    const index = controls.indexOf(this.#current)
    switch (key) {
      case 'ArrowUp':
        return stopOf(findRow(row.previousElementSibling, 'previousElementSibling'))
      case 'ArrowDown':
        return stopOf(findRow(row.nextElementSibling, 'nextElementSibling'))
      case 'ArrowLeft':
        return controls[index - 1]
      case 'ArrowRight':
        return controls[index + 1]
      case 'Home':
        return stopOf(findRow(this.#list.firstElementChild, 'nextElementSibling'))
      case 'End':
        return this.#newest()
    }
  }

  #moveTo(control) {
    if (this.#current) this.#current.tabIndex = -1
    this.#current = control
    if (control) control.tabIndex = 0
  }
}

const isShown = (control) => !control.closest('[hidden]') && !control.disabled

const controlsOf = (row) => (row ? [...row.querySelectorAll('button, a')].filter(isShown) : [])

/** Where the focus is when a row is reached. */
function stopOf(row) {
  const controls = controlsOf(row)
  return controls.find((control) => control.classList.contains('actions')) ?? controls[0]
}

/** The first row from here on that offers anything. */
function findRow(row, next) {
  while (row && !stopOf(row)) row = row[next]
  return row
}

/** Rows that offer something: this one, and those around it. */
const neighbours = (row) =>
  [
    row,
    findRow(row?.nextElementSibling, 'nextElementSibling'),
    findRow(row?.previousElementSibling, 'previousElementSibling'),
  ].filter(Boolean)
