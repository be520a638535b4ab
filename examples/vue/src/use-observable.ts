import type { Observable } from '@roomful/client'
import { onMounted, onUnmounted, type ShallowRef, shallowRef } from 'vue'

/** A ref that follows an observable of the client while its component is mounted. */
export function useObservable<T>({ get, subscribe }: Observable<T>): Readonly<ShallowRef<T>> {
  const value = shallowRef(get())
  const update = () => {
    value.value = get()
  }
  let unsubscribe = () => {}
  onMounted(() => {
    unsubscribe = subscribe(update)
    update()
  })
  onUnmounted(() => unsubscribe())
  return value
}
