/** How many components use each handle. */
const uses = new WeakMap<object, number>()

/** Whether a component uses the handle. */
export const isUsed = (handle: object) => (uses.get(handle) ?? 0) > 0

/**
 * Counts a use and returns a function that ends it. `release` runs once no component uses the handle any more, but
 * not before the next task: StrictMode and hot reloading unmount a component and mount it again at once.
 */
export function hold(handle: object, release: () => void): () => void {
  uses.set(handle, (uses.get(handle) ?? 0) + 1)
  return () => {
    uses.set(handle, (uses.get(handle) ?? 1) - 1)
    setTimeout(() => {
      if (!isUsed(handle)) release()
    })
  }
}
