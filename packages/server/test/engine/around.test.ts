import { memory, UNLIMITED } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAround } from '../../src/engine/rooms/around.js'

interface Entry {
  readonly type: string
  readonly offset: number
  readonly id: string
  readonly version?: number
  readonly target?: { readonly offset: number }
}

const some = fc.nat({ max: 20 })
const step = fc.record({ do: fc.constantFrom('send', 'send', 'edit', 'edit', 'delete'), which: some })
type Step = { readonly do: string; readonly which: number }

const ALL = { after: 0, limit: 1_000, maxBytes: 2 ** 30 }

async function room() {
  const backplane = memory()
  const { server } = await createTestServer({ backplane, limits: UNLIMITED })
  const { chat } = server.room('r')
  const sent = [await chat.send('first')]
  let edits = 0
  const write = async (steps: readonly Step[]) => {
    for (const { do: what, which } of steps) {
      const target = sent[which % sent.length] as (typeof sent)[0]
      if (what === 'send') sent.push(await chat.send('next'))
      else if (what === 'edit') await chat.edit(target, `edit ${++edits}`).catch(() => {})
      else await chat.delete(target).catch(() => {})
    }
  }
  const read = async () => (await backplane.read('r', ALL)).entries.map(({ text }): Entry => JSON.parse(text))
  return { backplane, sent, write, read }
}

describe('a page around a message', () => {
  it('[H17] [H16] a page around a message contains all that it covers, whatever is written between its two reads', async () => {
    const input = [fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 10 }), some, some] as const
    await fc.assert(
      fc.asyncProperty(...input, async (before, meanwhile, which, limit) => {
        const { backplane, sent, write, read } = await room()
        await write(before)
        const around = sent[which % sent.length] as (typeof sent)[0]
        let reads = 0
        const page = await readAround(
          async (range, since) => {
            if (++reads === 2) await write(meanwhile)
            return backplane.read('r', range, since)
          },
          { around, limit, maxBytes: 2 ** 20 },
        )
        const shown = new Map(page.entries.map(({ offset, text }) => [offset, JSON.parse(text) as Entry]))
        expect(page).toMatchObject({ isFound: true, epoch: around.epoch })
        const { from, to } = page.covers ?? { from: 1, to: 0 }
        expect([...shown.keys()].every((offset) => from <= offset && offset <= to)).toBe(true)
        for (const { type, offset, target } of await read()) {
          if (offset < from || offset > to) continue
          if (type === 'chat_message') expect(shown.has(offset)).toBe(true)
          else {
            const state = shown.get(target?.offset ?? 0)
            if (state) expect(state.version).toBeGreaterThanOrEqual(offset)
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it('[H17] a page around a message that is very long still has that message, and leaves the later ones out', async () => {
    const { backplane, sent, write } = await room()
    await write([{ do: 'send', which: 0 }])
    const [around] = sent as [(typeof sent)[0]]
    const read = (range: Parameters<typeof backplane.read>[1]) => backplane.read('r', range)
    const page = await readAround(read, { around, limit: 10, maxBytes: 100 })
    expect(page.entries.map(({ offset }) => offset)).toEqual([1])
    expect(page).toMatchObject({ covers: { from: 1, to: 1 }, moreAfter: true })
  })

  it('[H17] a page around a message is read again if the log forks meanwhile, and not for ever', async () => {
    const { backplane, sent } = await room()
    const [around] = sent as [(typeof sent)[0]]
    let reads = 0
    const forking = (times: number) => {
      reads = 0
      const read = async (range: Parameters<typeof backplane.read>[1]) => {
        const page = await backplane.read('r', range)
        reads++
        return reads % 2 === 0 && reads <= 2 * times ? { ...page, fault: 'forked' as const } : page
      }
      return readAround(read, { around, limit: 10, maxBytes: 1_000 })
    }
    expect(await forking(1)).toMatchObject({ isFound: true })
    expect(reads).toBe(4)
    await expect(forking(Number.POSITIVE_INFINITY)).rejects.toMatchObject({ code: 'unavailable' })
  })
})
