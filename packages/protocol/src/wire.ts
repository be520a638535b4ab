/** The contract without zod: tables, text rules and derived validators, for code that must stay small. */
export { CLOSE_CODES, type CloseAction, type CloseCode, type CloseName, closeCode } from './close-codes.js'
export {
  decodeServerMessage,
  type ReceivedMessage,
  type ServerDecodeResult,
  validateServerMessage,
} from './decode-server-message.js'
export {
  baseErrorCode,
  ERRORS,
  type ErrorCode,
  errorText,
  type Issue,
  RoomfulError,
  type RoomfulErrorOptions,
} from './errors.js'
export { type Frame, type FrameResult, parseFrame } from './frame.js'
export { idFromBytes } from './ids.js'
export {
  checkText,
  isRoomId,
  isWellFormed,
  MAX_ROOM_ID_LENGTH,
  MAX_TEXT_LENGTH,
  OWN_STREAM,
  type TextError,
  truncate,
} from './text.js'
export { type Validation, validate } from './validate.js'
export { PROTOCOL_VERSION } from './version.js'
