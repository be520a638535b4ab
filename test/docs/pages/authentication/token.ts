/** '' if nobody is logged in, which is refused for good. A throw is tried again. */
export async function token(): Promise<string> {
  const response = await fetch('/api/token')
  if (response.status === 401) return ''
  // While your site restarts, a proxy answers 502 with a page, which is no token.
  if (!response.ok) throw new Error(`/api/token answered ${response.status}`)
  return response.text()
}
