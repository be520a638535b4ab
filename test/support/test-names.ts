import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export interface TestName {
  readonly file: string
  readonly name: string
}

const CALLEES = new Set(['it', 'test', 'describe'])

/** The names that the tests of these folders carry, read from the syntax tree; placeholders stay as they are. */
export function testNamesIn(root: string, folders: readonly string[]): TestName[] {
  return folders
    .flatMap((folder) => testsIn(root, folder))
    .flatMap((file) => namesIn(readFileSync(join(root, file), 'utf8')).map((name) => ({ file, name })))
}

function testsIn(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.test\.tsx?$/.test(file) && !file.includes('node_modules'))
    .map((file) => join(folder, file))
}

function namesIn(text: string): string[] {
  const names: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && CALLEES.has(rootOf(node.expression))) {
      const [first] = node.arguments
      if (first && ts.isStringLiteralLike(first)) names.push(first.text)
      else if (first && ts.isTemplateExpression(first)) names.push(first.getText())
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('test.tsx', text, ts.ScriptTarget.Latest, true))
  return names
}

/** `it` of `it(…)`, of `it.skip(…)` and of `it.each(…)(…)`. */
function rootOf(expression: ts.Expression): string {
  if (ts.isPropertyAccessExpression(expression) || ts.isCallExpression(expression))
    return rootOf(expression.expression)
  if (ts.isTaggedTemplateExpression(expression)) return rootOf(expression.tag)
  return ts.isIdentifier(expression) ? expression.text : ''
}
