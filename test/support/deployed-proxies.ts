import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installed } from './installed.js'
import { startNginxWith } from './nginx.js'
import { ProxyProcess } from './proxy-process.js'

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8')

/** What the samples of docs/deploy.md leave to their readers. */
export interface Site {
  /** The ports of the two nodes, on this machine. */
  readonly nodes: readonly [number, number]
  readonly cert: string
  readonly key: string
}

type Start = (site: Site) => Promise<ProxyProcess>

/** The proxies of docs/deploy.md, as the page has them but for addresses and files. Each throws an error that says what to install. */
export const DEPLOYED = {
  nginx: (site) =>
    startNginxWith((port, folder) => {
      const { cert, key } = filesIn(folder, site)
      return sample('nginx', site, {
        'listen 443 ssl;': `listen 127.0.0.1:${port} ssl;`,
        '/etc/letsencrypt/live/example.com/fullchain.pem': cert,
        '/etc/letsencrypt/live/example.com/privkey.pem': key,
      })
    }),

  haproxy: (site) =>
    ProxyProcess.start({
      program: installed('haproxy', 'haproxy'),
      config: (port, folder) =>
        sample('haproxy', site, {
          'bind :443': `bind 127.0.0.1:${port}`,
          '/etc/haproxy/example.com.pem': filesIn(folder, site).both,
        }),
      args: (file) => ['-db', '-f', file],
    }),

  apache: (site) =>
    ProxyProcess.start({
      program: installed('apache2', 'apache2-bin'),
      config: (port, folder) => {
        const { cert, key } = filesIn(folder, site)
        const virtualHost = sample('apache', site, {
          '*:443': `127.0.0.1:${port}`,
          '/etc/ssl/example.com.pem': cert,
          '/etc/ssl/private/example.com.key': key,
        })
        return `${aroundApache(port, folder)}\n${virtualHost}`
      },
      args: (file) => ['-D', 'FOREGROUND', '-f', file],
    }),

  caddy: (site) =>
    ProxyProcess.start({
      program: installed('caddy', 'caddy'),
      config: (port, folder) => {
        const { cert, key } = filesIn(folder, site)
        const address = sample('caddy', site, {
          'example.com {': `https://127.0.0.1:${port} {\n  tls ${cert} ${key}`,
        })
        return `{\n  admin off\n  auto_https disable_redirects\n}\n${address}`
      },
      args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
    }),
} as const satisfies Record<string, Start>

/** What is around a site of Debian's Apache, with the modules that the page says to enable. */
function aroundApache(port: number, folder: string): string {
  const [, enabled = ''] = /`a2enmod ([\w ]+)`/.exec(page) ?? []
  // Those after the first two come with what the page enables.
  const modules = ['mpm_event', 'authz_core', 'proxy', 'slotmem_shm', ...enabled.split(' ')]
  return [
    'ServerRoot /usr/lib/apache2',
    'ServerName localhost',
    'User www-data',
    'Group www-data',
    `DefaultRuntimeDir ${folder}`,
    `PidFile ${folder}/pid`,
    `ErrorLog ${folder}/error.log`,
    `Listen 127.0.0.1:${port}`,
    ...modules.map((name) => `LoadModule ${name}_module modules/mod_${name}.so`),
  ].join('\n')
}

function filesIn(folder: string, { cert, key }: Site) {
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  return {
    cert: file('cert.pem', cert),
    key: file('key.pem', key),
    both: file('both.pem', `${cert}${key}`),
  }
}

/** @throws Error if the page has nothing to change there */
function sample(language: string, { nodes }: Site, changes: Readonly<Record<string, string>>): string {
  const [, text] = new RegExp(`\`\`\`${language}\n([\\s\\S]+?)\`\`\``).exec(page) ?? []
  if (text === undefined) throw new Error(`docs/deploy.md has no sample for ${language}`)
  const located = {
    '10.0.0.1:3000': `127.0.0.1:${nodes[0]}`,
    '10.0.0.2:3000': `127.0.0.1:${nodes[1]}`,
    ...changes,
  }
  return Object.entries(located).reduce((changed, [from, to]) => {
    if (!changed.includes(from))
      throw new Error(`docs/deploy.md has no ${from} in the sample for ${language}`)
    return changed.replace(from, to)
  }, text)
}
