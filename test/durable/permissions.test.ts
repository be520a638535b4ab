import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { explained } from '../../packages/server/src/backplane/sqlite/faults.js'
import { systemFiles } from '../../packages/server/src/backplane/sqlite/files.js'
import { type FileSettings, StoreFile } from '../../packages/server/src/backplane/sqlite/store-file.js'
import { temporaryFolder } from './disk-stage.js'

const NOBODY = 65_534

/** Root may write everything, so it becomes somebody else. */
function becomeNobody(): void {
  if (process.geteuid?.() !== 0) return
  process.seteuid?.(NOBODY)
  onTestFinished(() => process.seteuid?.(0))
}

it('a file that may not be written, such as a copy that root has put back, is said to be that, and not to be on a broken disk', () => {
  const folder = temporaryFolder()
  const file = join(folder, 'chat.db')
  writeFileSync(file, '')
  chmodSync(file, 0o444)
  chmodSync(folder, 0o777)
  becomeNobody()
  const open = () => {
    throw new Error('SQLite was asked to open it')
  }
  try {
    new StoreFile({ file } as FileSettings, open, systemFiles)
    expect.unreachable()
  } catch (error) {
    expect(explained(file, error).message).toContain(`sqlite: ${file} is not writable; fix its permissions`)
  }
})
