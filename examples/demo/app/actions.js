import { $, make } from './dom.js'
import { REACTIONS } from './reactions.js'

/** The menu of a message. One for all rows of a client, which opens beside the row's button. */
export class Actions {
  #panel
  #menu
  #button
  #key

  constructor(panel) {
    this.#panel = panel
    this.#menu = $('.menu', panel.element)
    $('.quick', this.#menu).append(
      ...[...REACTIONS].map(([reaction, name]) => this.#makeReaction(reaction, name)),
    )
    $('.quick button', this.#menu).autofocus = true
    this.#item('reply', (entry) => panel.composer.reply(entry))
    this.#item('edit', (entry) => panel.composer.edit(entry))
    this.#item('delete', (entry) => panel.delete(entry))
    this.#menu.onbeforetoggle = ({ newState }) => this.#toggled(newState === 'open')
    this.#menu.onkeydown = (event) => this.#press(event)
  }

  /** Makes a row's button open the menu. */
  serve(button, entry) {
    button.popoverTargetElement = this.#menu
    button.onclick = () => this.#aim(button, entry)
  }

  #aim(button, entry) {
    const { key, message } = entry
    this.#button = button
    this.#key = key
    const own = (message.reactions ?? []).filter((one) => one.own).map(({ reaction }) => reaction)
    for (const item of this.#menu.querySelectorAll('.quick button'))
      item.ariaChecked = String(own.includes(item.textContent))
    // Who is nowhere in the log yet cannot be answered.
    $('.reply', this.#menu).hidden = message.offset === undefined
    const isOwn = this.#panel.mayEdit(entry)
    $('.edit', this.#menu).hidden = $('.delete', this.#menu).hidden = !isOwn
    this.#place(button.getBoundingClientRect(), isOwn)
  }

  /** Below the button, or above it in the lower half of the screen. */
  #place({ top, bottom, left, right }, isOwn) {
    const { clientWidth, clientHeight } = document.documentElement
    const { style } = this.#menu
    const isLow = bottom > clientHeight / 2
    style.top = isLow ? 'auto' : `${bottom + 4}px`
    style.bottom = isLow ? `${clientHeight - top + 4}px` : 'auto'
    style.left = isOwn ? 'auto' : `max(8px, min(${left}px, 100vw - var(--width) - 8px))`
    style.right = isOwn ? `max(8px, min(${clientWidth - right}px, 100vw - var(--width) - 8px))` : 'auto'
  }

  #toggled(isOpen) {
    if (this.#button) this.#button.ariaExpanded = String(isOpen)
  }

  #makeReaction(reaction, name) {
    const item = Object.assign(make('button', '', reaction), {
      role: 'menuitemcheckbox',
      ariaLabel: name,
      title: name,
    })
    item.tabIndex = -1
    item.onclick = () => this.#choose((entry) => this.#panel.toggleReaction(entry, reaction))
    return item
  }

  #item(name, run) {
    $(`.${name}`, this.#menu).onclick = () => this.#choose(run)
  }

  #choose(run) {
    // The focus goes back to the row first, and from there where the action wants it.
    this.#menu.hidePopover()
    const entry = this.#panel.entryOf(this.#key)
    if (entry && !entry.message.deleted) run(entry)
    else this.#panel.tell('The message is gone')
  }

  #press(event) {
    const { key } = event
    if (key === 'Tab') this.#menu.hidePopover()
    const to = this.#target(key)
    if (!to) return
    event.preventDefault()
    to.focus()
  }

  /** Left and right go through everything; up and down take the reactions as one line. */
  #target(key) {
    const items = [...this.#menu.querySelectorAll('button:not([hidden])')]
    const isQuick = (item) => item?.parentElement.classList.contains('quick')
    const at = document.activeElement
    const lines = items.filter((item) => !isQuick(item) || item === (isQuick(at) ? at : items[0]))
    const step = (list, by) => list.at((list.indexOf(at) + by) % list.length)
    switch (key) {
      case 'ArrowDown':
        return step(lines, 1)
      case 'ArrowUp':
        return step(lines, -1)
      case 'ArrowRight':
        return step(items, 1)
      case 'ArrowLeft':
        return step(items, -1)
      case 'Home':
        return items[0]
      case 'End':
        return items.at(-1)
    }
  }
}
