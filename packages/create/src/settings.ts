import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Refusal } from './refusal.js'

const TEMPLATES = ['typescript', 'react'] as const

export interface Settings {
  /** Absolute. */
  readonly folder: string
  readonly template: (typeof TEMPLATES)[number]
}

export const USAGE = `npm create @roomful FOLDER [-- --template ${TEMPLATES.join('|')}]

Creates an app with a server, a protocol, a page and a test.
  --template NAME   typescript (the default) or react`

/** @throws Refusal for wrong arguments; its message says how to fix them */
export function settingsOf(args: readonly string[]): Settings | 'help' {
  const { values, positionals } = parsed(args)
  if (values.help) return 'help'
  const [folder, ...more] = positionals
  if (folder === undefined || more.length > 0)
    throw new Refusal('Name one folder for the app: npm create @roomful my-app')
  const template = TEMPLATES.find((name) => name === values.template)
  if (!template)
    throw new Refusal(`There is no template '${values.template}': choose ${TEMPLATES.join(' or ')}`)
  return { folder: resolve(folder), template }
}

function parsed(args: readonly string[]) {
  const options = {
    template: { type: 'string', default: 'typescript' },
    help: { type: 'boolean', short: 'h' },
  } as const
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    // Node's message continues with advice that does not fit here.
    const [what] = (error as Error).message.split('. ')
    throw new Refusal(`${what}: npm create @roomful -- --help shows the options`)
  }
}
