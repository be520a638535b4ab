import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { CLOSE_CODES, closeCode } from '../src/errors/close-codes.js'
import { ERRORS, errorText, RoomfulError } from '../src/errors/errors.js'

const docs = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')

/** The cells of each row whose first cell matches, without the marks of code. */
function rows(firstCell: RegExp): string[][] {
  return docs
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter(([first = '']) => firstCell.test(first))
}

it('the class is called RoomfulError in a bundle too, so that consoles print that', async () => {
  const entry = fileURLToPath(new URL('../src/errors/errors.ts', import.meta.url))
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm' })
  const code = outputFiles[0]?.text ?? ''
  expect(code).toContain('_RoomfulError')
  const bundled = await import(`data:text/javascript,${encodeURIComponent(code)}`)
  expect(new bundled.RoomfulError('closed').constructor.name).toBe('RoomfulError')
})

describe('docs/errors.md', () => {
  it('[E6] docs/errors.md lists every code with its text and whether it is temporary, in the order of the data', () => {
    const told = rows(/^`\w+`$/).map(([code, text, temporary]) => [
      code?.replaceAll('`', ''),
      text,
      temporary,
    ])
    const held = Object.entries(ERRORS).map(([code, { text, temporary }]) => [
      code,
      text,
      temporary ? 'yes' : 'no',
    ])
    expect(told).toEqual(held)
  })

  it('docs/errors.md says of every code when it comes and what to do', () => {
    for (const [code, , , when, what] of rows(/^`\w+`$/)) {
      expect(when, code).toMatch(/\w/)
      expect(what, code).toMatch(/\w/)
    }
  })

  it('docs/errors.md names limits as the options that set them', () => {
    const limits = readFileSync(new URL('../../server/src/api/options/limits.ts', import.meta.url), 'utf8')
    const named = [...docs.matchAll(/`limits\.(\w+)`/g)].map(([, name]) => name)
    expect(named).not.toEqual([])
    for (const name of named) expect(limits).toMatch(new RegExp(`readonly ${name}: number`))
  })

  it('[K1] docs/errors.md lists every close code with its name, reason and action', () => {
    const told = rows(/^\d{4}$/).map(([code, name, reason, action]) => [
      Number(code),
      name?.replaceAll('`', ''),
      reason,
      action,
    ])
    const held = Object.entries(CLOSE_CODES).map(([name, { code, reason, action }]) => [
      code,
      name,
      reason,
      action,
    ])
    expect(told).toEqual(held)
  })
})

describe('close codes', () => {
  it('[K1] PROTOCOL.md lists the same ones, with the same verdict', () => {
    const protocol = readFileSync(new URL('../PROTOCOL.md', import.meta.url), 'utf8')
    const section = protocol.slice(protocol.indexOf('## Close codes'), protocol.indexOf('## Sequences'))
    const told = [...section.matchAll(/^\| ([\d, ]+) \|.*\| (.*) \|$/gm)].flatMap(
      ([, codes = '', verdict = '']) =>
        codes.split(', ').map((code) => [Number(code), /^stops/.test(verdict)] as const),
    )
    const held = Object.values(CLOSE_CODES).map(({ code, action }) => [code, action === 'stop'] as const)
    expect(new Map(told)).toEqual(new Map(held))
  })

  it('[K1] close codes have reasons that fit into a close frame', () => {
    for (const { reason } of Object.values(CLOSE_CODES))
      expect(new TextEncoder().encode(reason).length).toBeLessThan(123)
  })

  it('[K1] close codes ask for 5 s before a client that was too much comes back', () => {
    expect(closeCode(4005).minDelayMs).toBe(5_000)
    expect(closeCode(4006).minDelayMs).toBe(5_000)
    expect(closeCode(4008).attempts).toBe(5)
  })

  it.each([
    [4100, 'retry'],
    [4499, 'retry'],
    [4600, 'stop'],
    [4999, 'stop'],
    [3000, 'retry'],
    [1015, 'retry'],
    [Number.NaN, 'retry'],
  ])('[K2] close codes: %d, which is not listed, means %s', (code, action) => {
    expect(closeCode(code)).toMatchObject({ code, action })
  })

  it('[K2] close codes leave the ranges that applications may use free', () => {
    for (const { code } of Object.values(CLOSE_CODES)) {
      expect((code >= 4100 && code <= 4499) || code >= 4600).toBe(false)
    }
  })
})

describe('errors', () => {
  it('[E10] not_in_room has a shorter text for typing', () => {
    expect(errorText('not_in_room')).toBe("Not in a room. Send a 'join' message first.")
    expect(errorText('not_in_room', 'chat_message')).toBe("Not in a room. Send a 'join' message first.")
    expect(errorText('not_in_room', 'typing_start')).toBe('Not in a room')
    expect(errorText('not_in_room', 'typing_stop')).toBe('Not in a room')
    expect(errorText('forbidden', 'typing_stop')).toBe('Forbidden')
  })

  it('[E16] RoomfulError knows what is temporary from its code', () => {
    for (const [code, { text, temporary }] of Object.entries(ERRORS)) {
      expect(new RoomfulError(code)).toMatchObject({ name: 'RoomfulError', code, message: text, temporary })
    }
  })

  it("[A6] an application's code is temporary only if it says when to come back", () => {
    const full = new RoomfulError('game_full', { message: 'The game is full', roomId: 'chess' })
    expect(full).toMatchObject({
      code: 'game_full',
      message: 'The game is full',
      temporary: false,
      roomId: 'chess',
    })
    expect(full.retryAfterMs).toBeUndefined()
    expect(new RoomfulError('game_busy', { retryAfterMs: 500 }).temporary).toBe(true)
    expect(new RoomfulError('toString')).toMatchObject({ message: 'toString', temporary: false })
  })

  it('RoomfulError keeps its cause', () => {
    const cause = new Error('the store is gone')
    expect(new RoomfulError('unavailable', { cause }).cause).toBe(cause)
    expect('cause' in new RoomfulError('unavailable')).toBe(false)
  })
})
