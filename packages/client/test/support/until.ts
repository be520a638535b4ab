import type { Observable } from '../../src/index.js'

/** Resolves with the first value, the present one included, that fits. */
export function until<T, U extends T>(observable: Observable<T>, fits: (value: T) => value is U): Promise<U>
export function until<T>(observable: Observable<T>, fits: (value: T) => boolean): Promise<T>
export function until<T>(observable: Observable<T>, fits: (value: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const check = (value: T) => {
      if (!fits(value)) return
      off()
      resolve(value)
    }
    const off = observable.subscribe(check)
    check(observable.get())
  })
}

/** Resolves when the observable's value has the state. */
export async function reaches<T extends { readonly state: string }, S extends T['state']>(
  observable: Observable<T>,
  state: S,
): Promise<Extract<T, { readonly state: S }>> {
  return (await until(observable, (value) => value.state === state)) as Extract<T, { readonly state: S }>
}
