import type { OutboxStorage, StoredMessage } from '@roomful/client'

interface Waiting {
  readonly page: symbol
  readonly opened: (messages: readonly StoredMessage[]) => void
}

/** What `localOutbox` is in a browser: it outlives pages, one of which owns it at a time. */
export class MemoryOutbox {
  readonly #messages = new Map<string, StoredMessage>()
  #pages: Waiting[] = []

  get clientIds(): ReadonlySet<string> {
    return new Set(this.#messages.keys())
  }

  /** The storage as one page has it, and what the browser does when that page dies. */
  page(): { readonly storage: OutboxStorage; die(): void } {
    const page = Symbol('page')
    const leave = () => this.#leave(page)
    const storage: OutboxStorage = {
      open: (_, opened) => {
        this.#pages.push({ page, opened })
        if (this.#pages.length === 1) this.#open()
        return leave
      },
      put: (_, message) => void this.#messages.set(message.clientId, structuredClone(message)),
      remove: (_, clientId) => void this.#messages.delete(clientId),
    }
    return { storage, die: leave }
  }

  #leave(page: symbol): void {
    const wasOwner = this.#pages[0]?.page === page
    this.#pages = this.#pages.filter((waiting) => waiting.page !== page)
    if (wasOwner) this.#open()
  }

  #open(): void {
    const messages = [...this.#messages.values()].sort((a, b) => a.sequence - b.sequence)
    this.#pages[0]?.opened(messages)
  }
}
