/**
 * What lies between a client and the server. Roomful is given its WebSocket; what networks do to people,
 * the page does to the cable: it is pulled, falls silent, gets slow.
 */
export class Cable {
  isPulled = false
  /** On each way, in ms. */
  delayMs = 0
  sockets = new Set()

  constructor(watch) {
    this.watch = watch
    const cable = this
    this.WebSocket = class extends CableSocket {
      constructor(url) {
        super(url, cable)
      }
    }
  }

  pull() {
    this.isPulled = true
    this.end(1006, 'The plug is pulled')
  }

  end(code, reason) {
    for (const socket of this.sockets) socket.end(code, reason)
  }

  silence() {
    for (const socket of this.sockets) socket.isSilent = true
  }

  inject(text) {
    for (const socket of this.sockets) if (socket.readyState === WebSocket.OPEN) socket.send(text)
  }
}

class CableSocket extends EventTarget {
  /** By this the library tells that it was given a WebSocket. */
  static CLOSING = WebSocket.CLOSING
  readyState = WebSocket.CONNECTING
  isSilent = false
  #cable
  #wire
  #queues = { in: Promise.resolve(), out: Promise.resolve() }

  constructor(url, cable) {
    super()
    this.#cable = cable
    cable.sockets.add(this)
    if (cable.isPulled) setTimeout(() => this.end(1006, 'The plug is pulled'))
    else this.#connect(url)
  }

  send(data) {
    this.#cable.watch('out', parse(data))
    this.#carry('out', () => this.#wire.send(data))
  }

  close(code, reason) {
    this.#wire?.close(code, reason)
    this.end(code, reason)
  }

  end(code, reason) {
    if (this.readyState === WebSocket.CLOSED) return
    this.readyState = WebSocket.CLOSED
    this.#cable.sockets.delete(this)
    this.#wire?.close()
    this.dispatchEvent(new CloseEvent('close', { code, reason }))
  }

  #connect(url) {
    this.#wire = new WebSocket(url)
    this.#wire.onopen = () =>
      this.#carry('in', () => {
        this.readyState = WebSocket.OPEN
        this.dispatchEvent(new Event('open'))
      })
    this.#wire.onmessage = ({ data }) =>
      this.#carry('in', () => {
        this.#cable.watch('in', parse(data))
        this.dispatchEvent(new MessageEvent('message', { data }))
      })
    this.#wire.onclose = ({ code, reason }) => this.#carry('in', () => this.end(code, reason))
  }

  /** One after the other, also if the delay gets shorter under way. */
  #carry(way, deliver) {
    const due = performance.now() + this.#cable.delayMs
    this.#queues[way] = this.#queues[way].then(async () => {
      const ms = due - performance.now()
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
      if (!this.isSilent && this.readyState !== WebSocket.CLOSED) deliver()
    })
  }
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return { type: 'not JSON', text }
  }
}
