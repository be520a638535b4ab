import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** What a disk takes for the least that is durable, in ms. */
export interface Probe {
  readonly p50: number
  readonly p99: number
}

const PAGE = Buffer.alloc(4_096, 'x')
const BYTES = 16 * 2 ** 20

/**
 * Writes one page and syncs it, again and again, as a log of changes grows and is used again: in place once it has its
 * size, since a file that grows has to sync its length as well.
 */
export function probe(folder: string, durationMs: number): Probe {
  const path = join(folder, 'probe')
  const file = openSync(path, 'w')
  try {
    for (let at = 0; at < BYTES; at += PAGE.length) writeSync(file, PAGE, 0, PAGE.length, at)
    fdatasyncSync(file)
    const times: number[] = []
    const end = performance.now() + durationMs
    for (let at = 0; performance.now() < end; at = (at + PAGE.length) % BYTES) {
      const startedAt = performance.now()
      writeSync(file, PAGE, 0, PAGE.length, at)
      fdatasyncSync(file)
      times.push(performance.now() - startedAt)
    }
    times.sort((a, b) => a - b)
    const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
    return { p50: at(0.5), p99: at(0.99) }
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
