export type MaybePromise<T> = T | PromiseLike<T>

/**
 * Also recognises promises of query builders and of other realms (a test runner's), which are not instances of this
 * `Promise`.
 */
export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
