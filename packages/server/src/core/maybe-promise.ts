export type MaybePromise<T> = T | PromiseLike<T>

/** Also that of a query builder, or of another realm (a test runner's): neither is an instance of this `Promise`. */
export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Goes on with a value: at once if it is there, since a turn of the microtask queue costs as much as a validation. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value)
}
