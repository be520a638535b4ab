import type { Observable } from '@roomful/client'
import { type Accessor, from } from 'solid-js'
import { isServer } from 'solid-js/web'

/** A signal that follows an observable of the client until its owner, such as a component, is disposed of. */
export function fromObservable<T>({ get, subscribe }: Observable<T>): Accessor<T> {
  // A server renders and disposes of nothing: each rendering would leave a subscription.
  if (isServer) return get
  return from((set) => subscribe((value) => set(() => value)), get())
}
