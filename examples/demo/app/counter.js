import { $, setText } from './dom.js'

/** The share of the limit from which one wants to know how much is left. */
const SHOWN_FROM = 0.9

const format = new Intl.NumberFormat('en')

/** Says, beside the composer, how much of the longest text that the server takes is used. */
export class Counter {
  #element
  #field

  constructor(panel) {
    this.#element = $('.count', panel.element)
    this.#field = $('.composer textarea', panel.element)
    this.#element.id = `count-${panel.side}`
  }

  draw(limit) {
    // As the server counts them, not as JavaScript does.
    const length = [...this.#field.value].length
    const isShown = length >= limit * SHOWN_FROM
    this.#element.hidden = !isShown
    if (isShown) this.#field.setAttribute('aria-describedby', this.#element.id)
    else this.#field.removeAttribute('aria-describedby')
    this.#element.classList.toggle('over', length > limit)
    setText(this.#element, isShown ? `${format.format(length)} of ${format.format(limit)}` : '')
  }
}
