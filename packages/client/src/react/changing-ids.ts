import type { Observable } from '../runtime/observable.js'

/** A list that changes only when its ids do. */
export function changingIds(
  first: readonly string[],
): Observable<readonly string[]> & { set(ids: readonly string[]): void } {
  let ids = first
  const listeners = new Set<(ids: readonly string[]) => void>()
  return {
    get: () => ids,
    subscribe(call) {
      // A separate function for each call, so that one function that subscribes twice can stop twice.
      const listener = (now: readonly string[]) => call(now)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    set(next) {
      if (next.length === ids.length && next.every((id, at) => id === ids[at])) return
      ids = next
      for (const listener of listeners) listener(next)
    },
  }
}
