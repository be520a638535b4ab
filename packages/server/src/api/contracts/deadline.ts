import type { Clock } from './clock.js'

/** What the promise comes to. Rejects with the error of `late` if that takes longer than `ms`. */
export async function within<T>(
  ms: number,
  clock: Clock,
  promise: PromiseLike<T>,
  late: () => Error,
): Promise<T> {
  let cancel = () => {}
  const deadline = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => reject(late()))
  })
  try {
    return await Promise.race([promise, deadline])
  } finally {
    cancel()
  }
}
