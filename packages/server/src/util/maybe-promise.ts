export type MaybePromise<T> = T | PromiseLike<T>

/** Also that of a query builder, or of another realm (a test runner's): neither is an instance of this `Promise`. */
export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
