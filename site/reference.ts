import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Application, Converter, type DeclarationReflection, ReflectionKind } from 'typedoc'
import { root } from './pages.js'
import { correctAnchors } from './reference-anchors.js'
import { repositoryUrl, staged } from './stage.js'

const PACKAGES = ['server', 'client', 'protocol']

/** The source of each import that the packages offer, such as `@roomful/server/sqlite`. */
function doors(): Map<string, string> {
  const found = new Map<string, string>()
  for (const name of PACKAGES) {
    const { exports } = JSON.parse(readFileSync(`${root}packages/${name}/package.json`, 'utf8'))
    for (const [path, door] of Object.entries<{ import?: { types: string } }>(exports)) {
      const source = door.import?.types.replace('./dist/', 'src/').replace('.d.ts', '.ts')
      if (source) found.set(`${root}packages/${name}/${source}`, `@roomful/${name}${path.slice(1)}`)
    }
  }
  return found
}

/** Writes the reference, one page for each import. */
export async function writeReference(): Promise<void> {
  const names = doors()
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    name: 'API reference',
    entryPoints: [...names.keys()],
    tsconfig: `${root}site/tsconfig.json`,
    skipErrorChecking: true, // `npm run typecheck` has done it
    readme: 'none',
    outputs: [{ name: 'markdown', path: `${staged}api` }],
    router: 'module',
    excludeInternal: true,
    excludePrivate: true,
    sourceLinkTemplate: `${repositoryUrl}/blob/main/{path}#L{line}`,
    gitRevision: 'main',
    disableGit: true,
    basePath: root,
    validation: false,
    logLevel: 'Error',
    ...{ entryFileName: 'index', hidePageHeader: true, hideBreadcrumbs: true, parametersFormat: 'table' },
  })
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, module: DeclarationReflection) => {
    if (module.kind !== ReflectionKind.Module) return
    const file = context.getSymbolFromReflection(module)?.declarations?.[0]?.getSourceFile().fileName ?? ''
    module.name = names.get(file) ?? module.name
  })
  const project = await app.convert()
  if (!project) throw new Error('TypeDoc could not read the packages')
  await app.generateOutputs(project)
  correctAnchors(`${staged}api`)
  unlinkForeignSources(`${staged}api`)
}

/** What a type inherits from Node or the language is not in this repository. */
function unlinkForeignSources(folder: string): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const file of files.filter((name) => name.endsWith('.md'))) {
    const path = `${folder}/${file}`
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace(/\[([^\]]+)\]\([^)\s]*node_modules\/[^)\s]*\)/g, '$1'))
  }
}
