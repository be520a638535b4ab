import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const readme = new URL('../../README.md', import.meta.url)

/** The files that README.md prints, by the names that stand before them. */
export async function filesOfReadme(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(readme, 'utf8')
  const blocks = text.matchAll(/^`([\w./-]+)`[^\n]*\n\n```\w+\n(.*?)^```$/gms)
  return new Map([...blocks].map(([, file = '', code = '']) => [file, code]))
}

/** The commands that README.md prints under a heading, a line each, without their remarks. */
export async function commandsOfReadme(heading: string): Promise<string[]> {
  const text = await readFile(readme, 'utf8')
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`))
  if (!section) throw new Error(`README.md has no '${heading}'`)
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, code = '']) =>
    code.trim().split('\n'),
  )
  return blocks.map((line) => line.replace(/ +# .*$/, ''))
}

/** Writes some of these files into a folder, with one change: ports of their own, since those printed may be taken. */
export async function writeFilesOfReadme(
  folder: string,
  names: readonly string[],
  ports: Readonly<Record<string, number>>,
): Promise<void> {
  const files = await filesOfReadme()
  for (const name of names) {
    const code = files.get(name)
    if (code === undefined) throw new Error(`README.md prints no '${name}'`)
    await writeFile(join(folder, name), withPorts(code, ports))
  }
}

export function withPorts(text: string, ports: Readonly<Record<string, number>>): string {
  return Object.entries(ports).reduce((code, [port, own]) => code.replaceAll(port, String(own)), text)
}
