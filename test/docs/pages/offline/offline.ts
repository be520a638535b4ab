import type { Client, Room } from '@roomful/client'

/** What a bar at the top of the page says; nothing while all is well. */
export function connectionBar({ status }: Client, now = Date.now()): string {
  const current = status.get()
  switch (current.state) {
    case 'online':
      return ''
    case 'offline':
      return 'You are offline. Messages are sent once you are back.'
    case 'backoff':
      return `Connecting again in ${Math.ceil((current.nextAttemptAt - now) / 1_000)} s`
    case 'failed':
      return `Not connected: ${current.error.message}`
    default:
      return current.reason
  }
}

/** The list of messages, as lines. */
export const lines = (room: Room): string[] =>
  room.timeline.get().map((entry) => {
    if (entry.kind === 'break') return '(messages are missing here)'
    const { message, state } = entry
    const text = message.type === 'chat_message' ? message.message : message.type
    return state === 'sent' ? text : `${text} (${state})`
  })
