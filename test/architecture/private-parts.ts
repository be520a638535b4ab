import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ts from 'typescript'

/** Whose objects must be used as their types say. */
const FOREIGN = /\/node_modules\/(@types\/(node|ws)|ws|partysocket|redis|@redis)\//
/** The language's own `__proto__` is none. */
const PRIVATE = /^_(?!_proto__$)./
/** What finds properties that have no public name. */
const FINDERS = new Set(['getOwnPropertySymbols', 'ownKeys'])

/** What TypeScript makes of source files; `texts` are further ones, by path. */
export class Sources {
  readonly #program: ts.Program
  readonly #checker: ts.TypeChecker

  constructor(root: string, paths: readonly string[], texts: Readonly<Record<string, string>> = {}) {
    const config = ts.getParsedCommandLineOfConfigFile(
      resolve(root, 'tsconfig.json'),
      {},
      { ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => fail(messageText) },
    )
    if (!config) throw new Error('No tsconfig.json')
    const files = new Map(Object.entries(texts).map(([path, text]) => [resolve(root, path), text]))
    const host = ts.createCompilerHost(config.options)
    const { fileExists } = host
    host.fileExists = (path) => files.has(path) || fileExists(path)
    host.readFile = (path) => files.get(path) ?? readFileSync(path, 'utf8')
    const all = [...paths.map((path) => resolve(root, path)), ...files.keys()]
    this.#program = ts.createProgram(all, config.options, host)
    this.#checker = this.#program.getTypeChecker()
  }

  /** Where a file reaches for what others keep to themselves, as `line: what`. */
  privatePartsIn(path: string): string[] {
    const source = this.#program.getSourceFile(path)
    if (!source) throw new Error(`No source file ${path}`)
    const found: string[] = []
    const visit = (node: ts.Node): void => {
      const what = this.#fault(node)
      if (what) found.push(`${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`)
      ts.forEachChild(node, visit)
    }
    visit(source)
    return found
  }

  #fault(node: ts.Node): string | undefined {
    const property = propertyOf(node)
    if (property && PRIVATE.test(property)) return `the property ${property}`
    if (ts.isIdentifier(node) && FINDERS.has(node.text)) return node.text
    if (ts.isAsExpression(node) && !ts.isAsExpression(node.parent) && this.#givesAnotherShape(node))
      return node.getText()
    return undefined
  }

  /** Whether an object of Node or a dependency is said to be what they do not say. To tell one of their types from another is allowed. */
  #givesAnotherShape(cast: ts.AsExpression): boolean {
    let operand: ts.Expression = cast
    while (ts.isAsExpression(operand) || ts.isParenthesizedExpression(operand)) operand = operand.expression
    const from = this.#checker.getTypeAtLocation(operand)
    return isForeign(from) && !isForeign(this.#checker.getTypeFromTypeNode(cast.type))
  }
}

function isForeign(type: ts.Type): boolean {
  if (type.isUnionOrIntersection()) return type.types.some(isForeign)
  const declarations = (type.aliasSymbol ?? type.symbol)?.declarations ?? []
  // Not one alone: Node's types add to those of the language.
  return (
    declarations.length > 0 &&
    declarations.every((declaration) => FOREIGN.test(declaration.getSourceFile().fileName))
  )
}

/** The name of the property that a node names, in whatever way. */
function propertyOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return textOf(node.name)
  // Also `'_handle' in socket`, `socket['_handle']`, `Reflect.get(socket, '_handle')` and `Socket['_handle']`.
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent) && !node.dotDotDotToken)
    return textOf(node.propertyName ?? node.name)
  const isMember = ts.isClassElement(node) || ts.isTypeElement(node) || ts.isObjectLiteralElement(node)
  return isMember && node.name ? textOf(node.name) : undefined
}

const textOf = (name: ts.Node): string | undefined => (ts.isIdentifier(name) ? name.text : undefined)

function fail(message: string | ts.DiagnosticMessageChain): never {
  throw new Error(ts.flattenDiagnosticMessageText(message, '\n'))
}
