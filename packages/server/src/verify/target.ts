/** What is verified, and as whom. */
export interface Target {
  /** With `ws:` or `wss:`. */
  readonly url: URL
  /** As the browser of a page sends it. */
  readonly origin: string
  readonly token?: string
  /** Sent with each request, such as the cookie that `authenticate` reads. */
  readonly headers?: Readonly<Record<string, string>>
  /** What the names of the rooms begin with. */
  readonly room: string
}

/** For people and files: a query may hold a token, and a user a password. */
export function addressOf({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`
}

/** What a page has that the server itself serves. */
export function originOf(url: URL): string {
  return `${url.protocol === 'wss:' ? 'https' : 'http'}://${url.host}`
}
