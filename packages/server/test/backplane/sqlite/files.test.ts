import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { systemFiles } from '../../../src/backplane/sqlite/files.js'
import { newFile } from './files.js'

it('a file that is written again keeps every byte, its length and its place', () => {
  const file = newFile()
  const bytes = randomBytes(2 * 1024 * 1024 + 100)
  writeFileSync(file, bytes)
  const { ino, mtimeNs } = statSync(file, { bigint: true })
  systemFiles.rewrite(file)
  expect(readFileSync(file).equals(bytes)).toBe(true)
  const after = statSync(file, { bigint: true })
  expect(after.ino).toBe(ino)
  expect(after.mtimeNs, 'it was written').toBeGreaterThan(mtimeNs)
})

it('a file that is not there is not made by writing it again', () => {
  const file = newFile()
  systemFiles.rewrite(file)
  expect(systemFiles.inode(file)).toBeUndefined()
})
