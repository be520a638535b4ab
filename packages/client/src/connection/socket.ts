import ReconnectingWebSocket, { CloseEvent } from 'partysocket/ws'
import type { WebSocketConstructor } from '../options/options.js'
import type { SocketFactory } from '../runtime/socket.js'
import * as strings from '../runtime/strings.js'

const ABNORMAL = 1006

/** Whether partysocket created the event itself; its code is then 1000, whatever happened. */
const isSynthetic = (event: object): boolean => event instanceof CloseEvent

/**
 * Opens a partysocket that connects once. Every retry gets a new one: a waiting partysocket ignores `reconnect()`,
 * and a shared one would deliver late events of the old connection.
 * @throws TypeError if there is no WebSocket
 */
export function partySocketFactory(
  WebSocket: WebSocketConstructor | undefined = globalThis.WebSocket,
): SocketFactory {
  if (typeof WebSocket !== 'function') throw new TypeError(strings.noWebSocket)
  return (url, handlers) => {
    let settled = false
    const close = (code: number, reason: string) => {
      if (settled) return
      settled = true
      handlers.closed(code, reason)
    }
    const socket = new ReconnectingWebSocket(() => url, undefined, {
      WebSocket,
      startClosed: true,
      maxRetries: 0,
      maxEnqueuedMessages: 0,
      // The state machine of the connection has its own time-out.
      connectionTimeout: 2 ** 31 - 1,
      shouldReconnectOnClose: () => false,
    })
    // Uses only on* handlers: listeners get a clone whose code is 'close' when partysocket created the event itself.
    socket.onopen = () => settled || handlers.opened()
    socket.onmessage = ({ data }) => {
      if (settled) return
      if (typeof data === 'string') handlers.received(data)
      else {
        close(1003, strings.binary)
        socket.close()
      }
    }
    socket.onclose = (event) => close(isSynthetic(event) ? ABNORMAL : event.code, event.reason)
    // If the constructor throws, there is an error event but no close event.
    socket.onerror = ({ message }) => close(ABNORMAL, message)
    socket.reconnect()
    return {
      send: (text) => !settled && socket.send(text),
      close(code, reason) {
        settled = true
        socket.close(code, reason)
      },
    }
  }
}
