export type Origins = 'same-host' | readonly string[]

/** Whether a page of this origin may connect. Requests without an Origin come from no browser. */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  origins: Origins,
): boolean {
  if (origin === undefined) return true
  if (origins !== 'same-host') return origins.includes(origin)
  const to = hostOf(`http://${host ?? ''}`)
  if (!to) return false
  // A page from file:// says `null`; a development server has a port of its own. Both are local to the developer.
  if (isLoopback(to.hostname)) return origin === 'null' || isLoopback(hostOf(origin)?.hostname)
  return hostOf(origin)?.host === to.host
}

function hostOf(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}

function isLoopback(hostname: string | undefined): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname ?? '')
}
