import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What the demo and its server are made of. */
const SOURCES = [
  ...['protocol', 'client', 'server'].flatMap((name) =>
    ['src', 'scripts', 'package.json', 'tsup.config.ts'].map((part) => `packages/${name}/${part}`),
  ),
  'examples/demo',
  'package-lock.json',
]

/** What is built last in each package: an interrupted build lacks one of them. */
const RESULTS = [
  'packages/protocol/dist/index.js',
  'packages/client/dist/roomful.global.js',
  'packages/server/dist/cli.js',
  'packages/server/dist/demo/roomful.global.js',
]

/** Whether everything that `npm start` runs is there, and newer than what it is made of. */
export function isBuilt(root) {
  const results = RESULTS.map((path) => mtimeOf(join(root, path)))
  return (
    Math.min(...results.map((time) => time ?? 0)) >
    Math.max(0, ...SOURCES.map((path) => newest(join(root, path))))
  )
}

/** A folder counts as well: it changes when a file goes. */
function newest(path) {
  const time = mtimeOf(path)
  if (time === undefined) return 0
  const files = statSync(path).isDirectory() ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : []
  return Math.max(time, ...files.map((file) => mtimeOf(join(path, file)) ?? 0))
}

function mtimeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs
}
