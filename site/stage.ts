import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { withLinksOfSite } from './links.js'
import { allPages, lists, root } from './pages.js'

/** What VitePress reads: the pages of the repository, each at its place on the site. */
export const staged = `${root}site/.pages/`

const { repository } = JSON.parse(readFileSync(`${root}packages/server/package.json`, 'utf8'))
export const repositoryUrl: string = repository.url.replace(/^git\+|\.git$/g, '')

const HOME = { file: 'site/index.md', path: 'index' }

function write(path: string, text: string): void {
  mkdirSync(dirname(`${staged}${path}`), { recursive: true })
  writeFileSync(`${staged}${path}`, text)
}

export function stagePages(): void {
  for (const { file, path } of [HOME, ...allPages])
    write(`${path}.md`, withLinksOfSite(file, readFileSync(`${root}${file}`, 'utf8'), repositoryUrl))
  for (const { text, path, pages } of lists) {
    const lines = pages.map((page) => `- [${page.text}](/${page.path}.md)`)
    write(`${path}.md`, `# ${text}\n\n${lines.join('\n')}\n`)
  }
  cpSync(`${root}docs/images`, `${staged}public/images`, { recursive: true })
}

export function clearStage(): void {
  rmSync(staged, { recursive: true, force: true })
}
