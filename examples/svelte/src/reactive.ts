import type { Observable } from '@roomful/client'
import { createSubscriber } from 'svelte/reactivity'

/** A value that follows an observable of the client where a template or an effect reads `current`. */
export function reactive<T>({ get, subscribe }: Observable<T>): { readonly current: T } {
  const track = createSubscriber(subscribe)
  return {
    get current() {
      track()
      return get()
    },
  }
}
