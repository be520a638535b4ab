export type Origins = 'same-host' | readonly string[]

/** The origin of a page in an app, such as `capacitor://localhost`: a scheme and a host, without a path. */
const APP_ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[a-z\d._~%:[\]-]+$/

/** Whether a page of this origin may connect. Requests without an Origin do not come from a browser. */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  origins: Origins,
): boolean {
  if (origin === undefined) return true
  if (origins !== 'same-host') return origins.includes(origin)
  const page = parse(origin)
  // Tries both schemes: a proxy may include the default port, which a page's origin never does.
  const servers = [parse(`http://${host ?? ''}`), parse(`https://${host ?? ''}`)]
  // A development server has a port of its own, but is equally local. `null` does not count: the sandboxed frame of
  // any site sends it.
  if (isLoopback(servers[0]?.hostname)) return isLoopback(page?.hostname)
  return page !== undefined && servers.some((server) => server?.host === page.host)
}

/** Says what the reader of the log or the response can do about it. */
export function originRefusal(origin: string | undefined): string {
  return origin === 'null'
    ? "the origin is null, as a page from file:// and a sandboxed frame of any site send it: serve the page by HTTP, or add 'null' to the option `origins`"
    : 'add this origin to the option `origins` if it is yours'
}

/**
 * @throws TypeError for a value that no browser sends as an Origin, for example with a trailing slash: it would never
 * match
 */
export function assertOrigins(origins: unknown): asserts origins is Origins {
  if (origins === 'same-host') return
  if (!Array.isArray(origins))
    throw new TypeError("createServer: origins must be 'same-host' or a list such as ['https://example.com']")
  for (const given of origins) {
    const sent = asSent(given)
    if (sent === given) continue
    const mend = sent ?? "'https://example.com', without a path or a wildcard"
    throw new TypeError(
      `createServer: origins holds ${JSON.stringify(given)}, which no browser sends; browsers send ${mend}`,
    )
  }
}

/**
 * An origin as a browser sends it: in lower case, without the scheme's default port, and with other scripts in
 * Punycode.
 */
function asSent(given: unknown): string | undefined {
  if (typeof given !== 'string' || given.includes('*')) return undefined
  if (given === 'null') return given
  const { origin = 'null', protocol } = parse(given) ?? {}
  if (origin === 'null') return APP_ORIGIN.test(given) ? given : undefined
  return protocol === 'http:' || protocol === 'https:' ? origin : origin.replace(/^ws/, 'http')
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}

function isLoopback(hostname: string | undefined): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname ?? '')
}
