/** What became of a conversation while a client had no connection: what it wrote meanwhile, and what it did not hear. */
export class Away {
  #panel
  /** The newest entry that was shown when the connection went. */
  #last
  #hasLeft = false
  /** Where the log ended at the latest join. */
  #end
  /** What was last shown and where the log ended when the connection came back, and which own messages waited for it. */
  #back

  constructor(panel) {
    this.#panel = panel
  }

  left() {
    this.#back = undefined
    this.#hasLeft = true
    this.#last = this.#panel.entries.findLast(({ state }) => state === 'sent')?.message
  }

  /** A frame of the server. */
  passed({ type, room_id, offset }) {
    if (type === 'joined' && room_id === this.#panel.room.id) this.#end = offset
  }

  /** The room is live again. */
  back() {
    if (!this.#hasLeft) return
    this.#hasLeft = false
    const after = this.#last?.offset ?? 0
    const own = this.#panel.entries.filter(
      ({ kind, state, message }) =>
        kind === 'message' &&
        this.#panel.isMine(message) &&
        (state === 'pending' || (state === 'sent' && message.offset > after)),
    )
    this.#back = { after, end: this.#end, waited: new Set(own.map(({ message }) => message.client_id)) }
  }

  forget() {
    this.#back = undefined
  }

  /** Continues a sentence; says nothing of what did not happen. */
  describe() {
    if (!this.#back) return ''
    const { after, end, waited } = this.#back
    const placed = this.#panel.entries.filter(({ state }) => state === 'sent')
    const sent = placed.filter(({ message }) => waited.has(message.client_id)).length
    const received = placed.filter(
      ({ message }) => !this.#panel.isMine(message) && message.offset > after && message.offset <= end,
    ).length
    const parts = []
    if (sent > 0) parts.push(`${sent} sent`)
    if (received > 0) parts.push(`${received} received meanwhile`)
    if (parts.length === 0) return ''
    return `: ${parts.join(', ')}, order ${this.#panel.auditor.isInOrder(this.#panel) ? 'kept' : 'lost'}`
  }
}
