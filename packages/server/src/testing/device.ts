import type { Link, LinkHandlers, Network } from './network.js'
import type { VirtualClock } from './virtual-clock.js'

/** Signals to a page about its network, and that somebody turns to it again. */
export type DeviceSignal = 'online' | 'offline' | 'visible'

/**
 * Everything that a client takes from its environment; pass it to `createClient` of `@roomful/client` as the second
 * argument.
 */
export interface ClientRuntime {
  readonly clock: Pick<VirtualClock, 'now' | 'setTimeout' | 'clearTimeout'>
  wallTime(): number
  random(): number
  id(): string
  isOffline(): boolean
  watch(listener: (signal: DeviceSignal) => void): () => void
  connect(url: string, handlers: LinkHandlers): DeviceSocket
}

export interface DeviceSocket {
  send(text: string): boolean
  close(code: number, reason: string): void
}

export interface DeviceOptions {
  /** Returns numbers in [0, 1), for example from a seeded generator, so that a run repeats. @default Math.random */
  readonly random?: () => number
  /** Makes ids of 1 to 64 characters, each different. @default random ones */
  readonly newId?: () => string
  /** Called with each frame that the client sends or receives. */
  readonly observe?: (direction: 'sent' | 'received', text: string) => void
}

/**
 * The machine that one client runs on: virtual time, a socket of the in-memory network, and a page that may go
 * offline or die.
 *
 * @example
 * const { network, clock } = await createTestServer()
 * const phone = new Device(network)
 * const client = createClient({ url: 'ws://test', session: 'memory' }, phone.runtime)
 * phone.link?.cut()
 */
export class Device {
  readonly runtime: ClientRuntime
  readonly #listeners = new Set<(signal: DeviceSignal) => void>()
  readonly #observe: NonNullable<DeviceOptions['observe']>
  #link: Link | undefined
  #isOn = true
  #isOffline = false

  constructor(
    private readonly network: Network<VirtualClock>,
    options: DeviceOptions = {},
  ) {
    const { clock } = network
    this.#observe = options.observe ?? (() => {})
    this.runtime = {
      clock: {
        now: () => clock.now(),
        setTimeout: (task, ms) => clock.setTimeout(this.#whileOn(task), ms),
        clearTimeout: (timer) => clock.clearTimeout(timer),
      },
      wallTime: () => clock.wallTime(),
      random: options.random ?? Math.random,
      id: options.newId ?? (() => crypto.randomUUID()),
      isOffline: () => this.#isOffline,
      watch: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      connect: (url, handlers) => this.#connect(url, handlers),
    }
  }

  /** The link of the client's latest connection, for faults. */
  get link(): Link | undefined {
    return this.#link
  }

  /**
   * Takes the network away: the connection breaks, connecting fails, and the client gets the signal that a browser
   * would send.
   */
  goOffline(): void {
    this.#isOffline = true
    this.#signal('offline')
    this.#link?.cut()
  }

  goOnline(): void {
    this.#isOffline = false
    this.#signal('online')
  }

  /** Somebody turns to the page again, for example after a laptop's sleep. */
  wake(): void {
    this.#signal('visible')
  }

  /** The page dies, by a reload or a crash: its socket breaks, its timers never fire, and it does nothing more. */
  turnOff(): void {
    this.#isOn = false
    this.#link?.cut()
  }

  #connect(url: string, { opened, received, closed }: LinkHandlers): DeviceSocket {
    // Checked before the network opens the link: no socket opens on a device that is offline.
    this.network.clock.soon(() => {
      if (this.#isOffline || !this.#isOn) end.link.cut()
    })
    const end = this.network.connect(url, {
      opened: this.#whileOn(opened),
      received: this.#whileOn((text: string) => {
        this.#observe('received', text)
        received(text)
      }),
      closed: this.#whileOn(closed),
    })
    this.#link = end.link
    const send = (text: string) => {
      if (!this.#isOn) return false
      this.#observe('sent', text)
      return end.send(text)
    }
    return { send, close: end.close }
  }

  #whileOn<A extends unknown[]>(run: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      if (this.#isOn) run(...args)
    }
  }

  #signal(signal: DeviceSignal): void {
    for (const listener of this.#listeners) listener(signal)
  }
}
