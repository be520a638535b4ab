import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecordTable, type Remembered } from '../../../src/backplane/log/record-table.js'
import { memoryOfEach } from './held-memory.js'

const record = (userId: string, offset: number): Remembered => ({
  userId,
  fingerprint: offset * 2 ** 21 + 0.5,
  offset,
  id: `id-${offset}`,
  timestampMs: 1_767_225_600_000 + offset,
})

/** A client id before which the table is cleared. */
const CLEARED = 'cleared'

describe('a table of records', () => {
  it('a table of records with one of them has memory of its own: not a piece of what frames have left', () => {
    const bytes = memoryOfEach((n) => {
      const table = new RecordTable()
      table.add(`client-${n}`, record(`user-${n}`, n + 1))
      return table
    })
    expect(bytes).toBeLessThan(200)
  })

  it('a table of records that is large takes no memory that V8 counts towards a full collection', () => {
    const { external } = process.memoryUsage()
    const table = new RecordTable()
    for (let n = 0; n < 20_000; n++) table.add(`client-${n}`, record('ana', n))
    expect(table.bytes).toBeGreaterThan(1_000_000)
    expect(process.memoryUsage().external - external).toBeLessThan(100_000)
  })

  it('[M7] a table of records has what was added, by user and client id, and nothing else', () => {
    const token = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 64 })
    const userId = fc.oneof(fc.constantFrom('ana', 'bob', 'aña', ''), fc.string())
    const clientId = fc.oneof(token, { arbitrary: fc.nat(300).map(String), weight: 3 }, fc.constant(CLEARED))
    const key = fc.tuple(userId, clientId)
    fc.assert(
      fc.property(fc.array(key, { maxLength: 400 }), (keys) => {
        const table = new RecordTable()
        const model = new Map<string, Remembered>()
        for (const [user, clientId] of keys) {
          if (clientId === CLEARED) {
            table.clear()
            model.clear()
            expect(table.lastOffset).toBe(0)
          }
          const name = JSON.stringify([user, clientId])
          expect(table.find(user, clientId)).toEqual(model.get(name))
          if (model.has(name)) continue
          const added = record(user, model.size + 1)
          table.add(clientId, added)
          model.set(name, added)
          expect(table.lastOffset).toBe(added.offset)
        }
        expect(table.size).toBe(model.size)
        for (const [user, clientId] of keys)
          expect(table.find(user, clientId)).toEqual(model.get(JSON.stringify([user, clientId])))
      }),
      { numRuns: 200 },
    )
  })

  it('[M7] a table of records tells ten thousand users apart who all count from 1', () => {
    const table = new RecordTable()
    for (let n = 0; n < 10_000; n++) table.add('1', record(`user-${n}`, n))
    expect(table.find('user-0', '1')).toEqual(record('user-0', 0))
    expect(table.find('user-9999', '1')).toEqual(record('user-9999', 9_999))
    expect(table.find('user-5000', '2')).toBeUndefined()
    expect(table.find('user-10000', '1')).toBeUndefined()
  })

  it('[M7] a table of records has as many after it was cleared, in the memory that it had', () => {
    const table = new RecordTable()
    const fill = (word: string) => {
      for (let n = 0; n < 1_000; n++) table.add(`${word}-${n}`, record(`user-${n % 7}`, n))
    }
    fill('before')
    const { bytes } = table
    table.clear()
    expect(table.size).toBe(0)
    fill('behind')
    expect(table.bytes).toBe(bytes)
    expect(table.find('user-0', 'before-0')).toBeUndefined()
    expect(table.find('user-1', 'behind-999')).toBeUndefined()
    for (let n = 0; n < 1_000; n++)
      expect(table.find(`user-${n % 7}`, `behind-${n}`)).toEqual(record(`user-${n % 7}`, n))
  })
})
