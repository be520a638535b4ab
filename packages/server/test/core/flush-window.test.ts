import { describe, expect, it } from 'vitest'
import { FlushWindow } from '../../src/core/flush-window.js'

/** A server whose flushes take `tookMs`, each carrying `messages` of one room, one every `everyMs`. */
function busy(window: FlushWindow, tookMs: number, messages: number, everyMs: number, flushes = 20): number {
  let now = 0
  for (let n = 0; n < flushes; n++) {
    now += everyMs
    window.flushed(now - tookMs, now, messages, 1)
  }
  return window.wait(now)
}

describe('the flush window', () => {
  const bounds = { maxMs: 20, share: 0.5 }

  it('is shut while the server is idle', () => {
    expect(new FlushWindow(bounds).wait(0)).toBe(0)
    expect(busy(new FlushWindow(bounds), 1, 1, 1_000)).toBe(0)
  })

  it('opens as far as flushing takes its share of the time, and never beyond its bound', () => {
    expect(busy(new FlushWindow(bounds), 5, 50, 10)).toBeCloseTo(5)
    expect(busy(new FlushWindow(bounds), 200, 500, 210)).toBeCloseTo(20)
    expect(busy(new FlushWindow({ maxMs: 0, share: 0.5 }), 5, 50, 10)).toBe(0)
  })

  it('has passed when its time has', () => {
    const window = new FlushWindow(bounds)
    busy(window, 5, 50, 10)
    expect(window.wait(202)).toBeCloseTo(3)
    expect(window.wait(1_000)).toBe(0)
  })

  it('does not stay open because a clock stood still', () => {
    const window = new FlushWindow(bounds)
    window.flushed(0, 0, 0, 1)
    window.flushed(0, 0, 5, 1)
    expect(busy(window, 5, 1, 1_000)).toBe(0)
    expect(busy(window, 5, 50, 10)).toBeCloseTo(5)
  })
})
