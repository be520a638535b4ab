import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { anchorOf } from '../../site/anchors.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
const pages = files.filter((file) => file.endsWith('.md') && !file.startsWith('.changeset/'))

/** Files that a build writes; Git does not have them. */
const built = ['roomful.global.js', 'dist/roomful.global.js']

const read = (page: string) => readFileSync(join(root, page), 'utf8')

/** A page without its programs, and without the names that they have in a reader's project. */
const proseOf = (page: string) =>
  read(page)
    .replace(/^`[\w./-]+`(?=[^\n]*\n\n```)/gm, '')
    .replace(/^ *```.*?^ *```$/gms, '')

const anchorsOf = (page: string) =>
  [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))

function isBroken(page: string, link: string): boolean {
  const [path = '', anchor] = decodeURIComponent(link).split('#')
  const target = path ? posix.join(dirname(page), path) : page
  if (!existsSync(join(root, target))) return true
  return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor)
}

/** Whether a file or folder has this path from the root, or from any folder below it. */
const isInRepository = (path: string) => files.some((file) => `/${file}/`.includes(`/${path}/`))

describe('documents', () => {
  it.each(pages)('%s links to files and headings that exist', (page) => {
    const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
    const relative = links.filter((link) => !/^[a-z]+:/.test(link))
    expect(relative.filter((link) => isBroken(page, link))).toEqual([])
  })

  it.each(pages)('%s names files and folders that exist', (page) => {
    const named = proseOf(page).matchAll(
      /`((?:[\w.-]+\/)*[\w.-]+\.(?:[cm]?[jt]s|tsx|md|json|html|c|lua)|(?:packages|test|docs|examples|scripts|bench)\/[\w./-]+)`/g,
    )
    const paths = [...named].map(([, path = '']) => path.replace(/\/$/, ''))
    expect(paths.filter((path) => !built.includes(path) && !isInRepository(path))).toEqual([])
  })
})
