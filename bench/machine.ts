import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release } from 'node:os'
import { isPinned } from './processes.js'

const require = createRequire(import.meta.url)
const PACKAGES = ['socket.io', 'ws', '@trufflesuite/uws-js-unofficial', '@roomful/server']

/** What the numbers depend on, as lines of Markdown. */
export function describeMachine(
  now: Date,
  placement = isPinned ? 'server and load: one core each' : 'server and load: not pinned to cores',
): string[] {
  const processors = cpus()
  return [
    `- date: ${now.toISOString().slice(0, 10)}`,
    `- processor: ${processors[0]?.model.trim()}, ${processors.length} cores${virtualization()}`,
    `- kernel: Linux ${release()}; Node ${process.versions.node}`,
    `- ${placement}`,
    `- packages: ${PACKAGES.map(versionOf).join(', ')}`,
  ]
}

function virtualization(): string {
  return /^flags.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8')) ? ', a virtual machine' : ''
}

function versionOf(name: string): string {
  const { version } = require(`${name}/package.json`) as { version: string }
  return `${name} ${version}`
}
