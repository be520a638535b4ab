import {
  RoomfulError as AnyRoomfulError,
  type ErrorCode,
  type RoomfulErrorOptions,
} from '@roomful/protocol/wire'
import { httpStatus } from './http-statuses.js'

/**
 * The error of the server's calls. `code` is stable; `temporary` says whether the same call may succeed later.
 * `instanceof` also recognises errors from another copy of this package, but not those of a client, which have no
 * `status`.
 */
export class RoomfulError extends AnyRoomfulError {
  /**
   * The HTTP status that fits the code, with which Express, Fastify and Koa answer if a route throws this error. A code
   * of your own has 403, or 503 with `retryAfterMs`.
   */
  readonly status: number

  constructor(code: ErrorCode | (string & {}), options: RoomfulErrorOptions = {}) {
    super(code, options)
    this.status = httpStatus(code, options.retryAfterMs)
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore-start lint/complexity/noThisInStatic: a subclass, which inherits this, asks for itself
    const isSubclass = !Object.hasOwn(this, Symbol.hasInstance)
    if (isSubclass) return super[Symbol.hasInstance](value)
    // biome-ignore-end lint/complexity/noThisInStatic: as above
    return value instanceof AnyRoomfulError && 'status' in value
  }
}
