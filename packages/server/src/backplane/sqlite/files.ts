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

/** What is done with files beside what SQLite does, so that a simulation can bring a disk of its own. */
export interface Files {
  makeFolder(ofFile: string): void
  /** Which file has that name now; `undefined` if none has. */
  inode(file: string): bigint | undefined
  /** In bytes; 0 if it is not there. */
  size(file: string): number
  readText(file: string): string
  writeText(file: string, text: string): void
  remove(file: string): void
  rename(from: string, to: string): void
  /** Has a file on disk, or a folder's list of its files. */
  sync(path: string): void
  /**
   * Writes a file's bytes again, and has them on disk when it returns: those that a failed fsync left in the system's memory
   * alone look like any other, and no later fsync would bring them there.
   */
  rewrite(file: string): void
}

const CHUNK_BYTES = 1024 * 1024

export const systemFiles: Files = {
  makeFolder: (file) => void mkdirSync(dirname(file), { recursive: true }),
  inode: (file) => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino,
  size: (file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0,
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

/** Where locks, syncs, or both are not what they are on a disk. By the numbers that Linux gives them. */
const DOUBTFUL: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4266872130: 'SMB',
  4283649346: 'SMB',
  16914836: 'memory (tmpfs)',
}

/** What is wrong with the place of a file; `undefined` if nothing is known against it. */
export function doubtAbout(file: string): string | undefined {
  const system = DOUBTFUL[statfsSync(dirname(file)).type]
  return (
    system &&
    `sqlite: ${file} is on ${system}, where what is written may not outlive a power cut, or a lock not be one; put it on a local disk`
  )
}
