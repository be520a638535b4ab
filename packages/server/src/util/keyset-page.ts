/** Which items a page begins after, and how many it has. */
export interface PageOptions {
  /** The key of the last item of the page before. */
  readonly after?: string | undefined
  readonly limit: number
}

/**
 * The items that follow a key, in ascending order of keys, and whether there are more. Looks at every item once and keeps
 * a page at most, since sorting 100,000 items would hold up everybody else.
 */
export function keysetPage<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  { after, limit }: PageOptions,
): { readonly items: readonly T[]; readonly more: boolean } {
  const page: { readonly key: string; readonly item: T }[] = []
  let more = false
  for (const item of items) {
    const key = keyOf(item)
    if (after !== undefined && key <= after) continue
    const last = page.at(-1)
    if (page.length === limit && last && key > last.key) more = true
    else page.splice(placeOf(key, page), 0, { key, item })
    if (page.length <= limit) continue
    page.pop()
    more = true
  }
  return { items: page.map(({ item }) => item), more }
}

/** How many items have smaller keys. */
function placeOf(key: string, sorted: readonly { readonly key: string }[]): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle]?.key ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}
