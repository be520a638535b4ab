// The short form of strings.ts: texts that users may see stay readable, texts for developers are only names.

// The same as in strings.ts: a server renders it, and the browser's first rendering must match.
export const notConnected = 'Not connected yet'
export const askingForToken = (_why: string): string => 'Connecting'
export const restarting = ''
export const waitingForServer = 'Connecting'
export const connectedToBase = 'Connected'
export const slow = 'The server is slow to answer'
export const waitsForPage = 'Open in too many places'
export const offline = 'There is no network'
export const unreachable = (url: string, said: string, origin: string | undefined): string =>
  `Cannot reach ${url}${said && ` (${said})`}: check server, path, ${origin === 'null' ? "file: (serve it, or list 'null' in origins)" : `origin ${origin}`}, proxy`
export const tokenLate = 'Timed out'
export const tokenFailed = 'No token'
export const noToken = 'No token'
export const tokenNoString = 'No token'
export const dialLate = 'Timed out'
export const authLate = 'Timed out'
export const dead = 'Timed out'
export const unanswered = 'Timed out'
export const binary = 'Binary frame'

// The same as in strings.ts, for the same reason.
export const notJoined = 'Not joined yet'
export const waitingForConnection = 'Not connected'
export const backOnline = 'Joining'
export const joinedWithGap = 'Joined'
export const missedMessage = 'Joining'
export const missedMember = 'Joining'
export const oneRoom = 'Left'
export const banned = 'Banned'
export const removed = 'Removed'
export const withdrawn = 'Removed'

const of = (count: number, limit: number) => `${count.toLocaleString('en')} of ${limit.toLocaleString('en')}`

export const notStored = (cause: unknown): string =>
  `Unsent messages are not kept${cause instanceof Error ? `: ${cause.message}` : ''}`
export const unreadable = 'unreadable'
export const tooLong = (length: number, limit: number): string => `Message too long: ${of(length, limit)}`
export const tooLarge = (bytes: number, limit: number): string => `too_large: ${of(bytes, limit)}`
export const cannotConnect = tooLarge
export const faulted = 'client'
export const tooMany = (messages: number, limit: number): string => `outbox_full: ${of(messages, limit)}`
export const tooManyBytes = tooMany

export const joinFirst: string | undefined = undefined
export const released: string | undefined = undefined
export const noChatData: string | undefined = undefined
export const replyTooEarly: string | undefined = undefined
export const anotherUser: string | undefined = undefined

export const undeclared = (type: string): string => type
export const noRequest = (type: string): string => type
export const isRequest = noRequest
export const noText = noRequest
export const noMessage = noRequest
export const badUrl = (url: unknown): string => `url ${url}`
export const noPage = badUrl
export const noWebSocket = 'WebSocket'

export const failed = (what: string): string => what
export const tokenGetter = 'token'
export const subscriber = 'subscribe'
export const handlerOf = (type: string): string => type
