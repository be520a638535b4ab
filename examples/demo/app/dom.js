export const $ = (selector, root = document) => root.querySelector(selector)
export const clone = (id) => $(`#${id}`).content.firstElementChild.cloneNode(true)
export const make = (tag, className = '', text = '') =>
  Object.assign(document.createElement(tag), { className, textContent: text })
/** An unchanged text is left alone, or a screen reader would read it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}
