export type Origins = 'same-host' | readonly string[]

/** As browsers send it: a scheme and a host, no path. The schemes of apps count, and `null`. */
const ORIGIN = /^(null|[a-z][a-z\d+.-]*:\/\/[^/?#\sA-Z]+)$/

/** Whether a page of this origin may connect. Requests without an Origin come from no browser. */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  origins: Origins,
): boolean {
  if (origin === undefined) return true
  if (origins !== 'same-host') return origins.includes(origin)
  const page = parse(origin)
  // Either scheme: a proxy may name its default port, which a page's origin never does.
  const servers = [parse(`http://${host ?? ''}`), parse(`https://${host ?? ''}`)]
  // A development server has a port of its own, and is as local. Not `null`: any site's sandboxed frame says that.
  if (isLoopback(servers[0]?.hostname)) return isLoopback(page?.hostname)
  return page !== undefined && servers.some((server) => server?.host === page.host)
}

/** What whoever reads the log or the answer can do about it. */
export function originRefusal(origin: string | undefined): string {
  return origin === 'null'
    ? "the origin is null, as a page from file:// and a sandboxed frame of any site send it: serve the page by HTTP, or add 'null' to the option `origins`"
    : 'add this origin to the option `origins` if it is yours'
}

/** @throws TypeError for what no browser sends as an Origin, such as a trailing slash: it would never match */
export function assertOrigins(origins: unknown): asserts origins is Origins {
  const isOrigin = (value: unknown) => typeof value === 'string' && ORIGIN.test(value)
  if (origins === 'same-host' || (Array.isArray(origins) && origins.every(isOrigin))) return
  throw new TypeError(
    "createServer: origins must be 'same-host' or a list such as ['https://example.com'], without a path",
  )
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}

function isLoopback(hostname: string | undefined): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname ?? '')
}
