import { Badge } from './badge.js'
import { Cable } from './cable.js'
import { Composer } from './composer.js'
import { $, clone, make, setText } from './dom.js'
import { Link } from './link.js'
import { HISTORY, Log } from './log.js'
import { initialOf, isolate, NAMES, recall, remember, toneOf } from './people.js'
import { protocol, readName } from './protocol.js'
import { redraw } from './redraw.js'

/** One person: a client of its own, on a cable of its own. */
export class Panel {
  element = clone('client')
  /** The last entry that the handlers were given, for the auditor. */
  arrival
  /** Called when a join finds nobody else. */
  onalone
  /** The longest text that the server takes, in characters. */
  textLimit = Number.POSITIVE_INFINITY
  /** Id of the oldest entry that the server still has, once that is known. */
  oldest
  #ids = new Set()
  /** What this client calls itself; with a token, the server says what its user is called. */
  #ownName
  #hasToken
  /** What the users of the room are called. */
  #profiles
  #stops = []
  #badge
  #link
  #log
  #notice
  #noticeTimer

  constructor(side, { auditor, token, watch }) {
    this.side = side
    this.auditor = auditor
    this.#hasToken = token !== undefined
    this.#ownName = recall(`name-${side}`) ?? NAMES[side][0]
    this.cable = new Cable((way, frame) => {
      if (way === 'in') this.#passed(frame)
      watch(this, way, frame)
    })
    this.client = Roomful.createClient({
      // The query keeps the sessions and the outboxes of the two clients apart.
      url: new URL(`ws?client=${side}`, location.href),
      protocol,
      WebSocket: this.cable.WebSocket,
      storage: Roomful.localOutbox(),
      heartbeat: { intervalMs: 5_000 },
      token,
    })
    // Before the room is joined: what waits in the outbox leaves under this name.
    if (!this.#hasToken) this.client.setProfile({ name: this.#ownName })
    this.#badge = new Badge(this)
    this.#link = new Link(this)
    this.composer = new Composer(this)
    this.#log = new Log(this)
    for (const value of [this.client.status, this.client.latency, this.client.user]) value.subscribe(redraw)
    this.client.on('error', (error) => this.tell(error.message))
    this.#listen()
  }

  #passed(frame) {
    this.#link.passed(frame)
    // null stands for as long as one likes.
    if (frame.type === 'system') this.textLimit = frame.limits?.text_length ?? Number.POSITIVE_INFINITY
  }

  get name() {
    return this.#hasToken ? this.nameOf(this.client.user.get()) : this.#ownName
  }

  get entries() {
    return this.chat.messages.get()
  }

  entryOf(key) {
    return this.entries.find((entry) => entry.key === key)
  }

  get waiting() {
    return this.entries.filter(({ state, amendment }) => state === 'pending' || amendment === 'pending')
      .length
  }

  /** All that the rows of the log say and no entry holds. */
  get people() {
    const names = [...this.#profiles.get()].map(([user, profile]) => `${user} ${readName(profile)}`)
    return `${this.name} ${[...this.#ids]} ${names}`
  }

  /** How far others have read, of those who were here at the same time. */
  get readers() {
    return [...this.chat.marks.get()]
      .filter(([user_id]) => !this.isMine({ user_id }))
      .map(([user, mark]) => ({ mark, name: this.nameOf(user) }))
  }

  get isLive() {
    return this.room.status.get().state === 'live'
  }

  /** After the server lost its sessions, the same person goes on under another id. */
  isMine({ user_id }) {
    return user_id === undefined || this.#ids.has(user_id)
  }

  authorOf({ message }) {
    return this.isMine(message) ? this.name : this.nameOf(message.user_id)
  }

  /** Not what was written under an earlier id: a server takes that for somebody else's. */
  mayEdit({ kind, state, message }) {
    if (kind !== 'message' || message.deleted || (state !== 'pending' && state !== 'sent')) return false
    return message.user_id === undefined || message.user_id === this.client.user.get()
  }

  nameOf(user) {
    const name = readName(this.#profiles?.get().get(user))
    if (name || !user) return name || 'Somebody'
    if (!this.#hasToken) return `Guest ${user.slice(-4)}`
    // Ids of some services differ only at their end.
    return user.length > 20 ? `${user.slice(0, 8)}…${user.slice(-4)}` : user
  }

  async enter(roomId) {
    for (const stop of this.#stops) stop()
    if (this.room && this.room.id !== roomId) this.room.leave({ whenSent: true })
    const room = this.client.room(roomId)
    this.room = room
    this.chat = Roomful.chat(room)
    this.#profiles = Roomful.profiles(room)
    this.composer.cancel()
    this.#link.forget()
    this.#stops = [
      this.chat.messages,
      this.chat.marks,
      this.chat.unread,
      this.#profiles,
      room.members,
      room.typing,
      room.status,
    ].map((value) => value.subscribe(redraw))
    this.#stops.push(
      room.on('chat_message', (message) => this.auditor.arrived(this, message)),
      room.status.subscribe(({ state }) => {
        if (state !== 'live') return
        this.#badge.resumed()
        this.#link.resumed()
      }),
    )
    redraw()
    try {
      const { members, messages } = await room.join({ history: HISTORY })
      for (const message of messages) this.auditor.arrived(this, message)
      if (!this.#hasToken && recall(`name-${this.side}`) === undefined) this.#pickName(members)
      if (members.every(({ user_id }) => user_id === this.client.user.get())) this.onalone?.()
    } catch (error) {
      this.tell(error.message)
    }
  }

  /** Says what went wrong, for a while. */
  tell(text) {
    setText(this.#notice, text)
    this.#notice.hidden = false
    clearTimeout(this.#noticeTimer)
    this.#noticeTimer = setTimeout(() => {
      this.#notice.hidden = true
    }, 8_000)
  }

  hush() {
    this.#notice.hidden = true
  }

  focus() {
    this.composer.focus()
  }

  send(text, replyTo) {
    if (this.isLive) this.#link.forget()
    return this.room.send(text, { replyTo })
  }

  edit({ message }, text) {
    if (text !== message.message) return this.chat.edit(message, text)
  }

  delete({ key, message }) {
    this.chat.delete(message)
    // It has never been sent, and never will be.
    if (!this.entryOf(key)) this.auditor.withdrawn(message.client_id)
  }

  async toggleReaction({ message }, reaction) {
    const isOwn = message.reactions?.some((one) => one.reaction === reaction && one.own)
    try {
      await (isOwn ? this.chat.unreact(message, reaction) : this.chat.react(message, reaction))
    } catch (error) {
      if (error.code !== 'cancelled') this.tell(error.message)
    }
  }

  draw() {
    if (!this.room) return
    const user = this.client.user.get()
    if (user) this.#ids.add(user)
    this.element.setAttribute('aria-label', `${this.name}’s chat`)
    if (this.#hasToken) $('.name', this.element).value = this.name
    this.element.dataset.tone = toneOf(this.name)
    this.element.classList.toggle('pulled', this.cable.isPulled)
    setText($('.head .avatar', this.element), initialOf(this.name))
    setText($('.plug span', this.element), this.cable.isPulled ? 'Plug it in' : 'Pull the plug')
    $('.log', this.element).ariaLabel = `Messages in ${this.room.id}, as ${this.name} sees them`
    this.composer.draw()
    this.#link.draw()
    this.#drawMembers()
    this.#drawTyping()
    this.#badge.draw()
    this.#log.draw()
    this.#markRead()
  }

  /** Whoever looks at the end of the log has read it. */
  #markRead() {
    const newest = this.entries.findLast(({ state }) => state === 'sent')?.message
    if (newest && this.#log.isRead && document.visibilityState === 'visible') this.chat.markRead(newest)
  }

  #drawMembers() {
    const me = this.client.user.get()
    const others = this.room.members
      .get()
      .filter(({ user_id }) => user_id !== me)
      .map(({ user_id }) => this.nameOf(user_id))
    const names = [this.name, ...others]
    const faces = names.slice(0, 5).map((name) => {
      const face = make('li', 'avatar tiny', initialOf(name))
      face.dataset.tone = toneOf(name)
      return face
    })
    const words = this.#describeMembers(names)
    const line = $('.members p', this.element)
    if (line.textContent === words) return
    line.textContent = words
    $('.members ul', this.element).replaceChildren(...faces)
  }

  #describeMembers([, ...others]) {
    if (!this.isLive && others.length === 0) return `${this.name} (you)`
    if (others.length === 0) return 'You are alone here'
    const more = this.room.occupancy.get() - 1 - Math.min(others.length, 4)
    return (
      [`${this.name} (you)`, ...others.slice(0, 4)].map(isolate).join(', ') +
      (more > 0 ? ` and ${more} more` : '')
    )
  }

  #drawTyping() {
    const names = this.room.typing.get().map((user) => isolate(this.nameOf(user)))
    const words =
      names.length > 2
        ? 'Several people are typing'
        : names.length > 0
          ? `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} typing`
          : ''
    setText($('.typing .who', this.element), words)
    $('.dots', this.element).hidden = words === ''
  }

  #listen() {
    const { element } = this
    const name = $('.name', element)
    this.#notice = $('.notice', element)
    name.value = this.name
    if (this.#hasToken) {
      name.readOnly = true
      name.title = name.ariaLabel = 'Your name, from your token'
    }
    name.onchange = () => this.#rename(readName({ name: name.value }) || this.name)
    name.onkeydown = ({ key, isComposing }) => {
      if (isComposing) return
      if (key === 'Enter') this.focus()
      if (key === 'Escape') name.value = this.name
    }
    $('.plug', element).onclick = () => this.#togglePlug()
    // Buttons leave the focus, and with it a phone's keyboard, where it is.
    for (const button of element.querySelectorAll('.plug, .send'))
      button.onmousedown = (event) => event.preventDefault()
    // Of two logs side by side only the one in use is read out.
    element.addEventListener('focusin', () => {
      for (const log of document.querySelectorAll('.log'))
        log.ariaLive = element.contains(log) ? 'polite' : 'off'
    })
  }

  #togglePlug() {
    if (this.cable.isPulled) {
      this.cable.isPulled = false
      this.client.connect()
    } else this.cable.pull()
    redraw()
  }

  #rename(name) {
    this.#ownName = $('.name', this.element).value = name
    remember(`name-${this.side}`, name)
    this.client.setProfile({ name })
    redraw()
  }

  #pickName(members) {
    const me = this.client.user.get()
    const taken = new Set(
      members.filter(({ user_id }) => user_id !== me).map(({ profile }) => readName(profile)),
    )
    this.#rename(NAMES[this.side].find((name) => !taken.has(name)) ?? NAMES[this.side][0])
  }
}
