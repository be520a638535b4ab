import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** The file operations other than SQLite's own. A simulation replaces them with a model of a disk. */
export interface Files {
  makeFolder(ofFile: string): void
  /** @throws `EACCES` for a file that is there and may not be written, of which SQLite says that its disk fails */
  assertWritable(file: string): void
  /** The inode of the file that has this path now; `undefined` if there is none. */
  inode(file: string): bigint | undefined
  /** In bytes; 0 for a missing file. */
  size(file: string): number
  /** Bytes that are free on the file's disk; `Infinity` if the system does not say. */
  free(file: string): number
  readText(file: string): string
  writeText(file: string, text: string): void
  remove(file: string): void
  rename(from: string, to: string): void
  /** Syncs a file, or a folder's list of its files, to the disk. */
  sync(path: string): void
  /**
   * Writes a file's bytes again, and syncs them. After a failed fsync, bytes can be in the system's memory alone: they
   * read like any others, and no later fsync would write them.
   */
  rewrite(file: string): void
}

const CHUNK_BYTES = 1024 * 1024

export const systemFiles: Files = {
  makeFolder: (file) => void mkdirSync(dirname(file), { recursive: true }),
  assertWritable(file) {
    if (this.inode(file) !== undefined) withOpen(file, 'r+', () => {})
  },
  inode: (file) => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino,
  size: (file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0,
  free(file) {
    const { blocks, bavail, bsize } = statfsSync(dirname(file))
    return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize
  },
  readText: (file) => readFileSync(file, 'utf8'),
  writeText: (file, text) => writeFileSync(file, text),
  remove: (file) => rmSync(file, { force: true }),
  rename: (from, to) => renameSync(from, to),
  sync: (path) => withOpen(path, 'r', fsyncSync),
  rewrite(file) {
    if (this.size(file) === 0) return
    withOpen(file, 'r+', (fd) => {
      const chunk = Buffer.alloc(CHUNK_BYTES)
      for (let at = 0, length = -1; length !== 0; at += length) {
        length = readSync(fd, chunk, 0, CHUNK_BYTES, at)
        for (let done = 0; done < length; ) done += writeSync(fd, chunk, done, length - done, at + done)
      }
      fsyncSync(fd)
    })
  },
}

function withOpen(path: string, flags: 'r' | 'r+', use: (fd: number) => void): void {
  const fd = openSync(path, flags)
  try {
    use(fd)
  } finally {
    closeSync(fd)
  }
}

/** File systems on which locks or syncs are not reliable, by their numbers on Linux. */
const DOUBTFUL: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4266872130: 'SMB',
  4283649346: 'SMB',
  16914836: 'memory (tmpfs)',
}

/** A warning about the file system of a file; `undefined` if there is nothing to warn of. */
export function doubtAbout(file: string): string | undefined {
  const system = DOUBTFUL[statfsSync(dirname(file)).type]
  return (
    system &&
    `sqlite: ${file} is on ${system}, where a power cut may lose what was written, or a lock may not hold; put it on a local disk`
  )
}
