/** Restores an anonymous user. It is opaque, and signed by the server. */
export interface Session {
  readonly session: string
  readonly userId: string
}

/** Keeps the session in memory and, if configured and allowed, in the tab's sessionStorage. */
export class SessionStore {
  readonly #key: string | undefined
  #session: Session | undefined

  constructor(name: string, keep: boolean) {
    this.#key = keep && tabStorage() ? `roomful:session:${name}` : undefined
    this.#session = this.#key === undefined ? undefined : parse(tabStorage()?.getItem(this.#key))
  }

  get(): Session | undefined {
    return this.#session
  }

  set(session: Session | undefined): void {
    this.#session = session
    if (this.#key === undefined) return
    try {
      if (session) tabStorage()?.setItem(this.#key, JSON.stringify(session))
      else tabStorage()?.removeItem(this.#key)
    } catch {
      // If sessionStorage is full or forbidden, only the identity after a reload is lost.
    }
  }
}

/** Reading the property throws in pages that may not store anything. */
function tabStorage(): Storage | undefined {
  try {
    return globalThis.sessionStorage
  } catch {
    return undefined
  }
}

function parse(text: string | null | undefined): Session | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null')
    if (typeof value !== 'object' || value === null) return undefined
    const { session, userId } = value as Partial<Session>
    return typeof session === 'string' && typeof userId === 'string' ? { session, userId } : undefined
  } catch {
    return undefined
  }
}
