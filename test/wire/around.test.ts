import { UNLIMITED } from '@roomful/server'
import { createRest } from '@roomful/server/rest'
import { describe, expect, it } from 'vitest'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { connectExtended } from '../support/connect.js'
import { KEY, serveApi } from '../support/http-api.js'

/**
 * A room with the messages `1` to `9` at the offsets 1 to 6 and 8 to 10: an edit of `2` is at 7, and one of `9` at 11.
 * Everything in it is the server's.
 */
async function filled(make: (typeof AMENDING_STORES)[number][1]) {
  const { url, base, server } = await serveApi({ backplane: await make(), limits: UNLIMITED })
  const { chat } = server.room('lobby')
  const sent = []
  for (let n = 1; n <= 6; n++) sent.push(await chat.send(`${n}`))
  await chat.edit(sent[1] as Place, '2, edited')
  for (let n = 7; n <= 9; n++) sent.push(await chat.send(`${n}`))
  await chat.edit(sent[8] as Place, '9, edited')
  const ana = await connectExtended(url)
  await ana.join('lobby')
  const places = sent.map(({ offset, id }) => ({ offset, id })) as [Place, ...Place[]]
  const ask = (fields: object) => ana.ask({ type: 'history', room_id: 'lobby', ...fields }, 'history')
  const refusal = async (fields: object) =>
    (await ana.ask({ type: 'history', room_id: 'lobby', ref: 'h', ...fields }, 'error')).code
  return { base, server, chat, ask, refusal, placeOf: (n: number) => places[n - 1] as Place }
}

interface Place {
  readonly offset: number
  readonly id: string
}

const textsIn = ({ messages }: { readonly messages: readonly { readonly type: string }[] }) =>
  messages.map((message) => (message as { message?: string }).message)

describe.each(AMENDING_STORES)('on %s, a page around a message', (_, make) => {
  it('[H17] [H16] a page around a message has half of what was asked for up to it, half after it, and covers one interval', async () => {
    const { ask, placeOf } = await filled(make)
    const around = placeOf(6)
    const page = await ask({ around, limit: 5, ref: 'h' })
    expect(textsIn(page)).toEqual(['4', '5', '6', '7', '8'])
    expect(page).toMatchObject({ covers: { from: 4, to: 9 }, more: true, more_after: true, ref: 'h' })
    expect(textsIn(await ask({ around, limit: 4 }))).toEqual(['5', '6', '7', '8'])
    const alone = await ask({ around, limit: 1 })
    expect(textsIn(alone)).toEqual(['6'])
    expect(alone).toMatchObject({ covers: { from: 6, to: 6 }, more: true, more_after: true })
    expect(textsIn(await ask({ around, limit: 0 }))).toEqual(['6'])
  })

  it('[H17] [D6] a page around a message says what lies beyond it, at both ends of the log, with every message as it is now', async () => {
    const { ask, placeOf } = await filled(make)
    const whole = await ask({ around: placeOf(2) })
    expect(textsIn(whole)).toEqual(['1', '2, edited', '3', '4', '5', '6', '7', '8', '9, edited'])
    expect(whole).toMatchObject({ covers: { from: 1, to: 11 }, more: false, more_after: false })
    const first = await ask({ around: placeOf(1), limit: 3 })
    expect(first).toMatchObject({ covers: { from: 1, to: 2 }, more: false, more_after: true })
    expect(textsIn(first)).toEqual(['1', '2, edited'])
    const last = await ask({ around: placeOf(9), limit: 3 })
    expect(textsIn(last)).toEqual(['8', '9, edited'])
    expect(last).toMatchObject({ covers: { from: 9, to: 11 }, more: true, more_after: false })
  })

  it('[H17] a page around a message that was deleted is there, with its tombstone', async () => {
    const { ask, chat, placeOf } = await filled(make)
    await chat.delete(placeOf(5))
    const { messages } = await ask({ around: placeOf(5), limit: 3 })
    expect(messages).toMatchObject([{ message: '4' }, { ...placeOf(5), deleted: true }, { message: '6' }])
  })

  it('[H17] [H11] a page around a message that is not there is refused, and so is one that goes two ways', async () => {
    const { refusal, server, chat, placeOf } = await filled(make)
    const edit = await chat.edit(placeOf(3), '3, edited')
    for (const around of [
      { offset: 6, id: 'another' },
      { offset: 5, id: placeOf(6).id },
      { offset: 400, id: placeOf(6).id },
      { offset: 0, id: placeOf(1).id },
      { offset: edit.offset, id: edit.id },
    ]) {
      expect(await refusal({ around })).toBe('not_found')
      await expect(server.room('lobby').history({ around })).rejects.toMatchObject({ code: 'not_found' })
    }
    expect(await refusal({ around: placeOf(6), epoch: 'another' })).toBe('epoch_changed')
    for (const other of [{ before: 9 }, { after: 1 }])
      expect(await refusal({ around: placeOf(6), ...other })).toBe('invalid_message')
    for (const around of [6, { offset: 6 }, { id: placeOf(6).id }, { offset: -1, id: 'a' }])
      expect(await refusal({ around })).toBe('invalid_message')
  })

  it('[H17] a page around a message is the same for the server, and over HTTP', async () => {
    const { base, server, placeOf } = await filled(make)
    const around = placeOf(6)
    const page = await server
      .room('lobby')
      .history({ around: { ...around, message: 'ignored' }, limit: 3 } as object)
    expect(textsIn(page)).toEqual(['5', '6', '7'])
    expect(page).toMatchObject({ more: true, moreAfter: true, truncated: false })
    expect(await server.room('lobby').history({ limit: 3 })).not.toHaveProperty('moreAfter')
    const rest = createRest({ url: base, key: KEY })
    expect(await rest.room('lobby').history({ around, limit: 3 })).toEqual(page)
    const missing = rest.room('lobby').history({ around: { offset: 6, id: 'a,b' } })
    await expect(missing).rejects.toMatchObject({ code: 'not_found' })
  })
})
