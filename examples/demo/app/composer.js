import { Counter } from './counter.js'
import { $, setText } from './dom.js'

/** Where a person writes: new messages, answers, and what a message says from now on. */
export class Composer {
  #panel
  #field
  #strip
  #counter
  /** What is written about: `{ isEdit, key, draft }`. `draft` is what was in the field before an edit. */
  #subject

  constructor(panel) {
    this.#panel = panel
    this.#field = $('.composer textarea', panel.element)
    this.#strip = $('.subject', panel.element)
    this.#counter = new Counter(panel)
    this.#listen()
  }

  focus() {
    this.#field.focus({ preventScroll: true })
  }

  reply({ key }) {
    this.cancel()
    this.#begin({ key, isEdit: false })
  }

  edit({ key, message }) {
    this.cancel()
    this.#begin({ key, isEdit: true, draft: this.#field.value })
    this.#write(message.message)
  }

  #begin(subject) {
    this.#subject = subject
    this.draw()
    this.focus()
  }

  /** Back to a new message. */
  cancel() {
    if (this.#subject?.isEdit) this.#write(this.#subject.draft)
    this.#subject = undefined
    this.draw()
  }

  draw() {
    const { room } = this.#panel
    this.#field.ariaLabel = this.#field.placeholder = `Message ${room.id}`
    this.#counter.draw(this.#panel.textLimit)
    const entry = this.#entry
    if (this.#subject && (!entry || entry.message.deleted)) {
      this.#panel.tell('The message is gone')
      this.cancel()
      return
    }
    this.#strip.hidden = !entry
    $('.send', this.#panel.element).ariaLabel = this.#subject?.isEdit ? 'Save' : 'Send'
    if (!entry) return
    setText(
      $('.doing', this.#strip),
      this.#subject.isEdit ? 'Editing' : `Replying to ${this.#panel.authorOf(entry)}`,
    )
    setText($('.what', this.#strip), entry.message.message)
  }

  get #entry() {
    return this.#subject && this.#panel.entryOf(this.#subject.key)
  }

  #send() {
    const text = this.#field.value
    this.focus()
    if (!text.trim()) return
    const entry = this.#entry
    const sent =
      entry && this.#subject.isEdit ? this.#panel.edit(entry, text) : this.#panel.send(text, entry?.message)
    // Refused at once: the text stays for the person to mend.
    if (sent?.state === 'failed') {
      sent.catch((error) => this.#panel.tell(error.message))
      if (!this.#subject?.isEdit) this.#panel.entryOf(sent.clientId)?.cancel()
      return
    }
    const { draft = '' } = this.#subject ?? {}
    this.#subject = undefined
    this.#panel.hush()
    this.#write(draft)
    this.draw()
    this.#panel.room.typing.stop()
  }

  #write(text) {
    this.#field.value = text
    this.#fit()
    this.#counter.draw(this.#panel.textLimit)
  }

  #typed() {
    this.#fit()
    this.#counter.draw(this.#panel.textLimit)
    const { typing } = this.#panel.room
    if (this.#field.value && !this.#subject?.isEdit) typing.keystroke()
    else typing.stop()
  }

  #fit() {
    this.#field.style.height = 'auto'
    this.#field.style.height = `${this.#field.scrollHeight}px`
  }

  #press(event) {
    const { key } = event
    // Enter also ends the composition of Chinese, Japanese and Korean text; Safari says so only by 229.
    if (event.isComposing || event.keyCode === 229) return
    if (key === 'Escape' && this.#subject) this.cancel()
    else if (key === 'ArrowUp' && !this.#field.value && !this.#subject) this.#editLast(event)
    else if (key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      this.#send()
    }
  }

  #editLast(event) {
    const last = this.#panel.entries.findLast((entry) => this.#panel.mayEdit(entry))
    if (!last) return
    event.preventDefault()
    this.edit(last)
  }

  #listen() {
    this.#field.oninput = () => this.#typed()
    this.#field.onblur = () => this.#panel.room.typing.stop()
    this.#field.onkeydown = (event) => this.#press(event)
    $('.composer', this.#panel.element).onsubmit = (event) => {
      event.preventDefault()
      this.#send()
    }
    $('button', this.#strip).onclick = () => {
      this.cancel()
      this.focus()
    }
  }
}
