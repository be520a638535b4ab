// Texts that people read, as whole sentences. The production build for browsers uses strings.production.ts instead.

export const notConnected = 'Not connected yet'
export const askingForToken = (why: string): string => `Asking for a token (${why})`
export const restarting = 'the server restarts'
export const waitingForServer = 'Waiting for the server'
export const connectedToBase = 'Connected to a server without acknowledgements and recovery'
export const slow = 'The server is slow to answer'
export const waitsForPage =
  'Too many connections of this user: waiting until somebody looks at this page, or for connect()'
export const offline = 'There is no network'
export const unreachable = (url: string, said: string, origin: string | undefined): string =>
  `No connection to ${url} so far${said && ` (${said})`}: check that the server runs there, that the path is right${
    origin === 'null'
      ? ", that this page, which is a file, is served over HTTP instead (or that the server lists 'null' in `origins`)"
      : origin
        ? `, that the server allows this page's origin (${origin}) in \`origins\``
        : ''
  }, and that a proxy in between passes WebSockets on`
export const tokenLate = 'The token getter did not settle in time'
export const tokenFailed = 'The token getter failed'
export const noToken = 'No token: give createClient a `token`'
export const tokenNoString = 'The token getter must return a string'
export const dialLate = 'The server did not accept the connection in time'
export const authLate = 'The server did not authenticate the connection in time'
export const dead = 'The server stopped answering'
export const unanswered = 'The server did not answer a message'
export const binary = 'The server sent a binary frame'

export const notJoined = 'Not joined yet'
export const waitingForConnection = 'Waiting for the connection'
export const backOnline = 'Back online'
export const joinedWithGap = 'Joined; what was missed could not be recovered'
export const missedMessage = 'A message was missed'
export const missedMember = 'A change of the members was missed'
export const oneRoom = 'The server allows one room at a time'
export const banned = 'Banned from the room'
export const removed = 'Removed from the room'
export const withdrawn = 'Access to the room was withdrawn'

const of = (count: number, limit: number, what: string) =>
  `${count.toLocaleString('en')} of ${limit.toLocaleString('en')} ${what}`

const because = (cause: unknown) => (cause instanceof Error ? `: ${cause.message}` : '')

// Messages of errors; an error without one has only its code.
export const notStored = (cause: unknown): string =>
  `Unsent messages may not outlive this page${because(cause)}`
export const unreadable = 'a stored message could not be read'
export const tooLong = (length: number, limit: number): string =>
  `Message too long: ${of(length, limit, 'characters')}`
export const tooLarge = (bytes: number, limit: number): string =>
  `The message is too large: ${of(bytes, limit, 'bytes')}`
export const cannotConnect = (bytes: number, limit: number): string =>
  `The server takes frames of up to ${limit.toLocaleString('en')} bytes, but a frame that the connection itself needs has ${bytes.toLocaleString('en')}: raise the server's limits.frameBytes, or use a smaller token`
export const faulted = 'The client failed on a message from the server'
export const tooMany = (messages: number, limit: number): string =>
  `The outbox is full: ${of(messages, limit, 'messages')}`
export const tooManyBytes = (bytes: number, limit: number): string =>
  `The outbox is full: ${of(bytes, limit, 'bytes')}`
export const joinFirst: string | undefined = 'Join the room first'
export const released: string | undefined = 'The room was released; get a new handle from client.room()'
export const noChatData: string | undefined = 'The protocol declares no chat data'
export const replyTooEarly: string | undefined =
  'replyTo: the message to answer has no position in the log yet; answer it once it is sent'
export const anotherUser: string | undefined = 'Another user has logged in'

export const undeclared = (type: string): string => `The protocol declares no client message '${type}'`
export const noRequest = (type: string): string => `'${type}' is not a request; use emit()`
export const isRequest = (type: string): string => `'${type}' is a request; use request()`
export const noText = (method: string): string => `${method}: pass the text as a string`
export const noMessage = (method: string): string =>
  `${method}: pass a message of the timeline, of a handler or of a page`
export const badUrl = (url: unknown): string =>
  `createClient: url '${url}' is not a URL to connect to; pass one with ws:, wss:, http: or https:, such as 'wss://example.org/ws'`
export const noPage = (url: string): string =>
  `createClient: url '${url}' is a path, but there is no page that it could refer to; to connect from Node, pass a full URL, such as 'wss://example.org/ws'`
export const noWebSocket =
  "createClient: there is no WebSocket here; on Node 20 run `npm install ws` and pass it: import { WebSocket } from 'ws'; createClient({ url, WebSocket })"

// For the log: says whose function failed.
export const failed = (what: string): string => `${what} failed`
export const tokenGetter = 'The token getter'
export const subscriber = 'A subscriber'
export const handlerOf = (type: string): string => `A handler of '${type}'`
