/** The contract without zod: tables, text rules and derived validators, for code that must stay small. */

export {
  decodeServerMessage,
  type ReceivedMessage,
  type ServerDecodeResult,
  validateServerMessage,
} from './codec/decode-server-message.js'
export { type Frame, type FrameResult, parseFrame } from './codec/frame.js'
export { idFromBytes } from './codec/ids.js'
export { type Check, compileShape } from './codec/shape.js'
export { type Validation, validate } from './codec/validate.js'
export {
  CLOSE_CODES,
  type CloseAction,
  type CloseCode,
  type CloseName,
  closeCode,
} from './errors/close-codes.js'
export {
  baseErrorCode,
  ERRORS,
  type ErrorCode,
  errorText,
  type Issue,
  RoomfulError,
  type RoomfulErrorOptions,
} from './errors/errors.js'
export { paid, type Rate, waitFor } from './messages/rate.js'
export {
  checkText,
  isRoomId,
  isWellFormed,
  MAX_MENTIONS,
  MAX_REACTION_BYTES,
  MAX_ROOM_ID_LENGTH,
  MAX_TEXT_LENGTH,
  MAX_USER_ID_LENGTH,
  OWN_STREAM,
  REACTION,
  type TextError,
  TOKEN,
  truncate,
} from './messages/text.js'
export { PROTOCOL_VERSION } from './messages/version.js'
