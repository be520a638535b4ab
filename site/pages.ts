import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** A file of the repository that is a page, and the page's place on the site. */
export interface Page {
  readonly text: string
  /** From the root of the repository. */
  readonly file: string
  /** From the root of the site, without its ending. */
  readonly path: string
}

export interface Section {
  readonly text: string
  readonly pages: readonly Page[]
}

const page = (text: string, name: string): Page => ({ text, file: `docs/${name}.md`, path: name })

const elsewhere = (text: string, file: string, path: string): Page => ({ text, file, path })

const titleOf = (file: string) => /^# (.*)$/m.exec(readFileSync(`${root}${file}`, 'utf8'))?.[1] ?? file

/** The pages of a folder, in the order of their names and under their own titles. */
const pagesOf = (folder: string, prefix = ''): readonly Page[] =>
  readdirSync(`${root}docs/${folder}`)
    .filter((name) => name.endsWith('.md') && name.startsWith(prefix))
    .map((name) => `${folder}${name.replace('.md', '')}`)
    .map((name) => page(titleOf(`docs/${name}.md`), name))

/** What the navigation shows, in its order. */
export const sections: readonly Section[] = [
  {
    text: 'Start',
    pages: [
      page('Quick start', 'quick-start'),
      elsewhere('Overview', 'README.md', 'overview'),
      page('Messages of your own', 'own-messages'),
      elsewhere('Examples', 'examples/README.md', 'examples'),
      elsewhere('A new app', 'packages/create/README.md', 'packages/create'),
      ...pagesOf('', 'migrate-from-'),
    ],
  },
  {
    text: 'In the page',
    pages: [
      elsewhere('The client', 'packages/client/README.md', 'packages/client'),
      page('React and Next.js', 'react'),
      page('Vue, Svelte, Solid', 'ui-frameworks'),
      page('One HTML file', 'one-html-file'),
      page('React Native', 'react-native'),
    ],
  },
  {
    text: 'Chat',
    pages: [
      page('Edit, delete, react', 'chat'),
      page('Presence and typing', 'presence'),
      page('Names and avatars', 'profiles'),
      page('Unread counts', 'unread'),
      page('Files and binary data', 'files'),
      page('Offline', 'offline'),
    ],
  },
  {
    text: 'Who may',
    pages: [
      page('Authentication', 'authentication'),
      page('Authorization, kick, ban', 'authorization'),
      page('Mutes, slow mode, review', 'moderation'),
    ],
  },
  {
    text: 'On the server',
    pages: [
      elsewhere('The server', 'packages/server/README.md', 'packages/server'),
      page('Express, Fastify, Hono', 'frameworks'),
      page('The HTTP API', 'http'),
      page('Webhooks', 'webhooks'),
      page('Consumers', 'changes'),
      page('Testing', 'testing'),
    ],
  },
  {
    text: 'Messages that stay',
    pages: [
      page('Messages on disk', 'store'),
      page('Your own database', 'your-database'),
      page('Redis', 'redis'),
      page('A store of your own', 'backplanes'),
      page('Erase and retain', 'erase'),
    ],
  },
  {
    text: 'In production',
    pages: [
      page('Your own server', 'production'),
      page('Deploy', 'deploy'),
      page('Verify a deployment', 'verify'),
      page('Scaling and cost', 'scaling'),
      page('Observability', 'monitoring'),
      page('Security review', 'security-review'),
      page('Change a contract', 'contract'),
      page('Runtimes', 'runtimes'),
    ],
  },
  {
    text: 'Reference',
    pages: [
      page('Guarantees', 'guarantees'),
      page('Errors', 'errors'),
      elsewhere('The contract', 'packages/protocol/README.md', 'packages/protocol'),
      elsewhere('The wire protocol', 'packages/protocol/PROTOCOL.md', 'wire-protocol'),
    ],
  },
  {
    text: 'The project',
    pages: [
      page('Architecture', 'architecture'),
      elsewhere('Contributing', 'CONTRIBUTING.md', 'contributing'),
      elsewhere('Report a vulnerability', 'SECURITY.md', 'security'),
      page('Releases', 'releasing'),
      elsewhere('How it is measured', 'bench/README.md', 'bench/index'),
      elsewhere('Benchmarks', 'bench/results.md', 'bench/results'),
      elsewhere('Benchmarks on disk', 'bench/durable.md', 'bench/durable'),
    ],
  },
]

/** Pages that a list of their own leads to. */
export const lists: readonly (Section & { readonly path: string })[] = [
  { text: 'Decisions', path: 'decisions/index', pages: pagesOf('decisions/') },
  { text: 'Results of tests', path: 'results/index', pages: pagesOf('results/') },
]

export const allPages: readonly Page[] = [...sections, ...lists].flatMap(({ pages }) => pages)
