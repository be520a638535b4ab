export type Origins = 'same-host' | readonly string[]

/** As pages of apps send it, such as `capacitor://localhost`: a scheme and a host, no path. */
const APP_ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[a-z\d._~%:[\]-]+$/

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
  if (origins === 'same-host') return
  if (!Array.isArray(origins))
    throw new TypeError("createServer: origins must be 'same-host' or a list such as ['https://example.com']")
  for (const given of origins) {
    const sent = asSent(given)
    if (sent === given) continue
    const mend = sent ?? "'https://example.com', without a path or a wildcard"
    throw new TypeError(
      `createServer: origins holds ${JSON.stringify(given)}, which no browser sends; one sends ${mend}`,
    )
  }
}

/** An origin as a browser sends it: in small letters, without the scheme's own port, a host of other scripts in Punycode. */
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
