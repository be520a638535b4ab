import { type StoredMessage, type StoredOutbox, storedOutbox } from '@roomful/client'

/** The part of AsyncStorage that this needs; other stores have it too. */
interface Store {
  getAllKeys(): Promise<readonly string[]>
  getItem(key: string): Promise<string | null>
  setItem(key: string, value: string): Promise<void>
  removeItem(key: string): Promise<void>
}

/** Keeps unsent messages in an asynchronous store, each under a key of its own. */
export function asyncOutbox(store: Store): StoredOutbox {
  let last: Promise<unknown> = Promise.resolve()
  // One after the other: if its removal overtook a message, the message would be sent again by the next start.
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work)
    last = done
    return done
  }
  const keyOf = (name: string, clientId: string) => `roomful:outbox:${name}:${clientId}`

  async function load(name: string): Promise<StoredMessage[]> {
    const keys = (await store.getAllKeys()).filter((key) => key.startsWith(keyOf(name, '')))
    const texts = await Promise.all(keys.map((key) => store.getItem(key)))
    const messages: StoredMessage[] = texts.flatMap((text) => (text === null ? [] : JSON.parse(text)))
    return messages.sort((a, b) => a.sequence - b.sequence)
  }

  return storedOutbox({
    open(name, opened, failed) {
      let isOpen = true
      inOrder(() => load(name)).then((messages) => isOpen && opened(messages), failed)
      return () => {
        isOpen = false
      }
    },
    put: (name, message) =>
      inOrder(() => store.setItem(keyOf(name, message.clientId), JSON.stringify(message))),
    remove: (name, clientId) => inOrder(() => store.removeItem(keyOf(name, clientId))),
  })
}
