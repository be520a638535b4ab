import { basename } from 'node:path'
import type { Files } from '../../../packages/server/src/backplane/sqlite/files.js'
import type { DiskError } from './model-disk.js'
import type { Mount } from './sqlite.js'

/** The file operations other than SQLite's own, on a model of a disk. */
export function filesOn(mount: Mount): Files {
  const { disk } = mount
  const use = (error: DiskError | undefined) => {
    if (error)
      throw Object.assign(new Error(`the disk: ${error}`), { code: error === 'full' ? 'ENOSPC' : 'EIO' })
  }
  const write = (path: string, bytes: Uint8Array) => {
    disk.create(path)
    use(disk.write(path, 0, bytes))
  }
  return {
    makeFolder() {},
    assertWritable() {},
    inode: (file) => (disk.has(basename(file)) && !disk.isMoved ? 1n : undefined),
    size: (file) => disk.size(basename(file)),
    free: () => (disk.isFull ? 0 : Number.POSITIVE_INFINITY),
    readText: (file) => Buffer.from(disk.read(basename(file), 0, disk.size(basename(file)))).toString(),
    writeText: (file, text) => write(basename(file), Buffer.from(text)),
    remove: (file) => disk.delete(basename(file)),
    rename() {
      throw new Error('the model makes its backups by itself')
    },
    sync: (path) => use(disk.sync(basename(path))),
    rewrite(file) {
      const path = basename(file)
      if (disk.size(path) === 0) return
      write(path, disk.read(path, 0, disk.size(path)).slice())
      use(disk.sync(path))
    },
  }
}
