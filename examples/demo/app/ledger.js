const AMENDMENTS = [
  'message_edited',
  'message_deleted',
  'messages_erased',
  'reaction_added',
  'reaction_removed',
  'reactions_erased',
]

/** What the frames on the cables say about the offsets of each log, whatever the clients make of them. */
export class Ledger {
  #logs = new Map()

  /** A frame from a server. */
  passed({ room_id, epoch, messages, covers, reason, ...frame }) {
    const log = this.#log(room_id, epoch)
    // What is at these offsets now is something else.
    if (reason === 'forked') log.chats.clear()
    if (covers) log.pages.push(covers)
    for (const { type, offset } of messages ?? [frame]) {
      if (type === 'chat_message') log.chats.add(offset)
      if (AMENDMENTS.includes(type)) log.amendments.add(offset)
    }
  }

  /** A server has acknowledged a message. */
  promised({ room_id, epoch, offset }) {
    this.#log(room_id, epoch).chats.add(offset)
  }

  /**
   * Whether there is nothing to show at an offset: it is that of an amendment, or a page covers it without a message.
   * What any client has got as a message is one, whatever a page says to another client.
   */
  isEmpty(room, epoch, offset) {
    const { chats, amendments, pages } = this.#log(room, epoch)
    const isCovered = () => pages.some(({ from, to }) => from <= offset && offset <= to)
    return !chats.has(offset) && (amendments.has(offset) || isCovered())
  }

  #log(room, epoch) {
    const name = `${room} ${epoch}`
    if (!this.#logs.has(name)) this.#logs.set(name, { chats: new Set(), amendments: new Set(), pages: [] })
    return this.#logs.get(name)
  }
}
