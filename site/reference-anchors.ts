import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { anchorOf } from './anchors.js'

/** The anchors of a page; a heading that is there again gets a number. */
function anchorsIn(text: string): Set<string> {
  const counts = new Map<string, number>()
  const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const anchor = anchorOf(heading)
    const count = counts.get(anchor) ?? 0
    counts.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
  return new Set(anchors)
}

/** The plugin counts names that it shows without a heading, so some of its links have a number too many. */
export function correctAnchors(folder: string): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.md'),
  )
  const texts = new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]))
  const anchors = new Map([...texts].map(([file, text]) => [file, anchorsIn(text)]))
  for (const [file, text] of texts) {
    const corrected = text.replace(/\]\(([^)#]*)#([\w-]+)-\d+\)/g, (link, path, anchor) => {
      const target = anchors.get(path ? join(dirname(file), path) : file)
      const isDead = !target?.has(/#(.*)\)/.exec(link)?.[1] ?? '')
      return isDead && target?.has(anchor) ? `](${path}#${anchor})` : link
    })
    writeFileSync(join(folder, file), corrected)
  }
}
