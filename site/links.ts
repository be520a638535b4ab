import { statSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { allPages, root } from './pages.js'

const places = new Map(allPages.map(({ file, path }) => [file, `${path}.md`]))
const names = new Map(allPages.map(({ file, text }) => [file, text]))

/**
 * Where a link of a document leads on the site. A page and an image stay on the site; everything else that is in the
 * repository leads to the code host.
 */
export function linkOnSite(file: string, link: string, repository: string): string {
  if (/^([a-z]+:|#|\/)/.test(link)) return link
  const [path = '', anchor] = link.split('#')
  const target = posix.join(dirname(file), decodeURIComponent(path)).replace(/\/$/, '')
  const hash = anchor ? `#${anchor}` : ''
  const place = places.get(target)
  if (place) return `/${place}${hash}`
  if (target.startsWith('docs/images/')) return target.replace('docs', '')
  const kind = statSync(`${root}${target}`).isDirectory() ? 'tree' : 'blob'
  return `${repository}/${kind}/main/${encodeURI(target)}${hash}`
}

/** What a link shows: the name of a page on the site, where the document says the path of its file. */
function textOnSite(file: string, text: string, link: string): string {
  return names.get(posix.join(dirname(file), link.split('#')[0] ?? '')) ?? text
}

/** A document with the links that it has on the site. Programs keep theirs. */
export function withLinksOfSite(file: string, text: string, repository: string): string {
  const change = (link: string) => linkOnSite(file, link, repository)
  const parts = text.split(/(^ *```.*?^ *```$)/gms)
  const changed = parts.map((part) =>
    /^ *```/.test(part)
      ? part
      : part
          .replace(
            /\[([\w./-]+\.md)\]\(([^)\s]+)\)/g,
            (_, text, link) => `[${textOnSite(file, text, link)}](${link})`,
          )
          .replace(/\]\(([^)\s]+)\)/g, (_, link) => `](${change(link)})`)
          .replace(
            /(<(?:img|source) [^>]*src(?:set)?=")([^"]+)/g,
            (_, before, link) => before + change(link),
          ),
  )
  return changed.join('')
}
