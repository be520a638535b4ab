import { type ErrorCode, isTemporary } from './error-codes.js'
import { errorMessage } from './strings.js'

export { baseErrorCode, ERRORS, type ErrorCode, errorText } from './error-codes.js'

/** One field of a message that its schema rejected. */
export interface Issue {
  /** The path from the top of the message, such as `position.x` or `moves.0.from`. */
  readonly path: string
  readonly message: string
}

export interface RoomfulErrorOptions {
  readonly message?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly issues?: readonly Issue[] | undefined
  readonly roomId?: string | undefined
  readonly cause?: unknown
}

/** The same symbol in every copy of this package: an application may load it by `import`, by `require`, or twice. */
const BRAND = Symbol.for('roomful.error')
type Branded = { [BRAND]?: true }

/**
 * The error class of all three packages; that of the server adds an HTTP `status`. `code` is stable; `temporary` says whether the same request may succeed
 * later. An application may use its own codes (`game_full`), which are temporary only with `retryAfterMs`.
 * `instanceof` also recognises errors from another copy of this package.
 */
export class RoomfulError extends Error {
  /** The name that consoles print, even if a bundler renames the class to _RoomfulError. */
  static override get name(): string {
    // A getter, because the CommonJS build assigns static fields, and the name of a function cannot be assigned.
    return 'RoomfulError'
  }

  override readonly name = 'RoomfulError'
  readonly code: ErrorCode | (string & {})
  readonly temporary: boolean
  /** How long to wait before trying again, in ms. */
  readonly retryAfterMs: number | undefined
  readonly issues: readonly Issue[]
  readonly roomId: string | undefined

  constructor(code: ErrorCode | (string & {}), options: RoomfulErrorOptions = {}) {
    super(options.message ?? errorMessage(code), 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.temporary = isTemporary(code, options.retryAfterMs)
    this.retryAfterMs = options.retryAfterMs
    this.issues = options.issues ?? []
    this.roomId = options.roomId
    // Not declared, because it would make the types of two copies incompatible.
    ;(this as Branded)[BRAND] = true
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore-start lint/complexity/noThisInStatic: a subclass, which inherits this, asks for itself
    if (this !== RoomfulError) return super[Symbol.hasInstance](value)
    // biome-ignore-end lint/complexity/noThisInStatic: as above
    return (value as Branded | null)?.[BRAND] === true
  }
}
