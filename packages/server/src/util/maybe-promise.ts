export type MaybePromise<T> = T | PromiseLike<T>

/** Also that of a query builder, or of another realm (a test runner's): neither is an instance of this `Promise`. */
export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/**
 * Goes on with a value: at once if it is there, since a turn of the microtask queue costs as much as a validation. `job` is
 * what `next` needs beside it, handed on so that no closure is made for each message.
 */
export function andThen<T, J, R>(
  value: MaybePromise<T>,
  next: (value: T, job: J) => R | Promise<R>,
  job: J,
): R | Promise<R> {
  return isPromise(value) ? later(value, next, job) : next(value, job)
}

async function later<T, J, R>(
  value: PromiseLike<T>,
  next: (value: T, job: J) => R | Promise<R>,
  job: J,
): Promise<R> {
  return next(await value, job)
}
