import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import MiniSearch from 'minisearch'
import { searchOptions } from './search.js'

const dist = fileURLToPath(new URL('.vitepress/dist/', import.meta.url))

/** What people look for, and the pages of which one must be among the first results. */
const QUESTIONS: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('questions.json', import.meta.url), 'utf8'),
)
const FIRST = 4

const files = readdirSync(dist, { recursive: true, encoding: 'utf8' })
const all = new Set(files)
const pages = new Map(
  files
    .filter((file) => file.endsWith('.html'))
    .map((file) => [file, readFileSync(`${dist}${file}`, 'utf8')] as const),
)

/** The file that a host with clean addresses answers a path with. */
const fileOf = (path: string) =>
  [`${path}index.html`, `${path}.html`, path].find((file) => all.has(file)) ?? 'nothing'

const linksOf = (html: string) =>
  [...html.matchAll(/<a [^>]*?href="([^"]+)"/g)]
    .map(([, link = '']) => link.replaceAll('&amp;', '&'))
    .filter((link) => !/^[a-z]+:/.test(link))

/** The file and the anchor that a link of a page leads to. */
function targetOf(page: string, link: string): { readonly file: string; readonly anchor: string } {
  const [path = '', anchor = ''] = link.split('#').map(decodeURIComponent)
  return {
    file: path
      ? fileOf(
          posix.resolve('/', posix.dirname(page), path).slice(1) +
            (path.endsWith('/') && path !== '/' ? '/' : ''),
        )
      : page,
    anchor,
  }
}

function isDead(page: string, link: string): boolean {
  const { file, anchor } = targetOf(page, link)
  return !all.has(file) || (anchor !== '' && !pages.get(file)?.includes(` id="${anchor}"`))
}

const deadLinks = () =>
  [...pages].flatMap(([page, html]) =>
    [...new Set(linksOf(html))]
      .filter((link) => isDead(page, link))
      .map((link) => `${page} has a dead link: ${link}`),
  )

/** How many clicks from the home page each page is away. */
function distances(): Map<string, number> {
  const found = new Map([['index.html', 0]])
  for (const [page, distance] of found)
    for (const link of linksOf(pages.get(page) ?? '')) {
      const { file } = targetOf(page, link)
      if (pages.has(file) && !found.has(file)) found.set(file, distance + 1)
    }
  return found
}

function farPages(): string[] {
  const clicks = distances()
  return [...pages.keys()]
    .filter((page) => page !== '404.html' && !((clicks.get(page) ?? Number.POSITIVE_INFINITY) <= 2))
    .map((page) => `${page} is ${clicks.get(page) ?? 'infinitely many'} clicks away from the home page`)
}

async function badSearches(): Promise<string[]> {
  const index = files.find((file) => file.includes('@localSearchIndexroot')) ?? ''
  const { default: json } = await import(`${dist}${index}`)
  const search = MiniSearch.loadJSON(json, {
    fields: ['title', 'titles', 'text'],
    storeFields: ['title', 'titles'],
    searchOptions,
  })
  return Object.entries(QUESTIONS).flatMap(([question, expected]) => {
    const first = search
      .search(question)
      .slice(0, FIRST)
      .map(({ id }) => String(id))
    const isFound = first.some((id) => expected.some((page) => id.replace(/^\//, '').startsWith(page)))
    return isFound ? [] : [`The search for "${question}" finds ${first.join(', ')}`]
  })
}

const faults = [...deadLinks(), ...farPages(), ...(await badSearches())]
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
else console.log(`${pages.size} pages: each link leads somewhere, and each page is two clicks away at most`)
