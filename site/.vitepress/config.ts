import { defineConfig, type MarkdownEnv, type MarkdownRenderer } from 'vitepress'
import { anchorOf } from '../anchors.js'
import { lists, sections } from '../pages.js'
import { searchOptions } from '../search.js'
import { repositoryUrl } from '../stage.js'

const linkTo = (path: string) => `/${path.replace(/index$/, '')}`

/** What the search reads. It needs no colours, which cost more than all else. */
function renderForSearch(text: string, env: MarkdownEnv, markdown: MarkdownRenderer): string {
  if (env.relativePath === 'index.md') return '' // it only leads to others
  markdown.options.highlight = null
  return markdown.render(text, env)
}

/** Long names in code may break after a slash, a dot or an underscore: a table with them fits the page. */
function withBreaks(markdown: MarkdownRenderer): void {
  const { code_inline } = markdown.renderer.rules
  markdown.renderer.rules.code_inline = (...given) =>
    code_inline?.(...given).replace(/(?<=[\w}])[/._](?=[\w{])(?![^<]*>)/g, '$&<wbr>') ?? ''
}

export default defineConfig({
  title: 'Roomful',
  description: 'Typed real-time rooms for the web',
  srcDir: '.pages',
  base: process.env.SITE_BASE ?? '/',
  ignoreDeadLinks: 'localhostLinks',
  markdown: { anchor: { slugify: anchorOf }, config: withBreaks },
  themeConfig: {
    search: { provider: 'local', options: { miniSearch: { searchOptions }, _render: renderForSearch } },
    socialLinks: [{ icon: 'github', link: repositoryUrl }],
    nav: [
      { text: 'Quick start', link: '/quick-start' },
      { text: 'API', link: '/api/' },
      ...lists.map(({ text, path }) => ({ text, link: linkTo(path) })),
    ],
    outline: [2, 3],
    sidebar: sections.map(({ text, pages }) => ({
      text,
      items: pages.map((page) => ({ text: page.text, link: linkTo(page.path) })),
    })),
  },
})
