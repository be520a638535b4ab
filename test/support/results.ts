import { mkdirSync, writeFileSync } from 'node:fs'

/** One figure of a long run, in words and as a number. */
export type Figure = readonly [what: string, value: number | string]

/** Writes the figures of a long run to docs/results/ and to the terminal. */
export function writeResult(name: string, title: string, command: string, figures: readonly Figure[]): void {
  const rows = figures.map(([what, value]) => `| ${what} | ${format(value)} |`)
  const day = new Date().toISOString().slice(0, 10)
  const text = [
    `# ${title}`,
    '',
    `\`${command}\`, ${day}, Node ${process.versions.node}.`,
    '',
    '| | |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n')
  mkdirSync('docs/results', { recursive: true })
  writeFileSync(`docs/results/${name}.md`, text)
  console.log(text)
}

function format(value: number | string): string {
  return typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 1 }) : value
}
