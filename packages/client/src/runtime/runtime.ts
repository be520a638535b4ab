import { idFromBytes } from '@roomful/protocol/wire'
import { type Clock, systemClock } from './clock.js'
import type { SocketFactory } from './socket.js'

/** Signals from the browser about the network and the page. */
export type Signal = 'online' | 'offline' | 'visible'

/** Everything that a client takes from its environment. React Native replaces some of it, a simulation all. */
export interface Runtime {
  readonly clock: Clock
  /** Time of day in ms since 1970, for data that outlives the page or is shown to people. */
  wallTime(): number
  /** A number in [0, 1). */
  random(): number
  /** A fresh id of 128 random bits. */
  id(): string
  /** Whether the environment reports that there is no network. */
  isOffline(): boolean
  watch(listener: (signal: Signal) => void): () => void
  /** Opens sockets instead of partysocket. @default a partysocket over `options.WebSocket` */
  readonly connect?: SocketFactory
}

export const systemRuntime: Runtime = {
  clock: systemClock,
  wallTime: () => Date.now(),
  random: () => Math.random(),
  id: () => idFromBytes(crypto.getRandomValues(new Uint8Array(16))),
  isOffline: () => globalThis.navigator?.onLine === false,
  watch(listener) {
    const stops = [
      listen(globalThis.window, 'online', () => listener('online')),
      listen(globalThis.window, 'offline', () => listener('offline')),
      listen(globalThis.window, 'pageshow', () => listener('visible')),
      // If several windows are visible side by side, only the focus shows which one is used.
      listen(globalThis.window, 'focus', () => listener('visible')),
      listen(globalThis.document, 'visibilitychange', () => {
        if (!document.hidden) listener('visible')
      }),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  },
}

/** Node has neither a window nor a document. */
function listen(target: EventTarget | undefined, type: string, listener: () => void): () => void {
  target?.addEventListener?.(type, listener)
  return () => target?.removeEventListener?.(type, listener)
}
