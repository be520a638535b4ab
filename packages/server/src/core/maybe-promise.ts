export type MaybePromise<T> = T | Promise<T>

/** Goes on with a value: at once if it is there, since a turn of the microtask queue costs as much as a validation. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
