import { describe, expect, it } from 'vitest'
import { Answering, ArrivalTurns, FlushWindow, WriteCost } from '../../src/core/flush-window.js'

const bounds = { maxMs: 20, share: 0.5 }

/** A room that gets a message every `gapMs`, the last one at 0, and was flushed then. */
function busy(gapMs: number): FlushWindow {
  const window = new FlushWindow()
  for (let n = 100; n >= 0; n--) window.arrived(-n * gapMs)
  window.flushed(0, 1)
  return window
}

describe('the flush window', () => {
  it('is shut for a room that was quiet', () => {
    const window = new FlushWindow()
    expect(window.wait(0, 5, bounds)).toBe(0)
    window.arrived(0)
    expect(window.wait(0, 5, bounds)).toBe(0)
  })

  it('opens as far as flushing takes its share of the time, and never beyond its bound', () => {
    expect(busy(1).wait(0, 5, bounds)).toBe(5)
    expect(busy(1).wait(0, 5, { ...bounds, share: 0.25 })).toBe(15)
    expect(busy(1).wait(0, 200, bounds)).toBe(20)
    expect(busy(1).wait(0, 5, { ...bounds, maxMs: 0 })).toBe(0)
  })

  it('stays shut for a room that would gather nothing in it', () => {
    expect(busy(4).wait(0, 5, bounds)).toBe(5)
    expect(busy(5).wait(0, 5, bounds)).toBe(0)
    expect(busy(1_000).wait(0, 200, bounds)).toBe(0)
  })

  it('stays shut where flushing costs nothing, even if a clock stands still', () => {
    expect(busy(0).wait(0, 0, bounds)).toBe(0)
  })

  it('has passed when its time has', () => {
    expect(busy(1).wait(2, 5, bounds)).toBe(3)
    expect(busy(1).wait(1_000, 5, bounds)).toBe(0)
  })

  it('shuts where waiting brings nothing, as where all wait for the flush themselves, and tries again at times', () => {
    const window = busy(0.1)
    const waits: number[] = []
    for (let n = 0; n < 200; n++) {
      const wait = window.wait(0, 5, bounds)
      waits.push(wait)
      if (wait > 0) window.gathers(10)
      window.flushed(0, 10)
    }
    expect(waits.filter((wait) => wait > 0).length).toBeLessThan(10)
    expect(waits.slice(100).some((wait) => wait > 0)).toBe(true)
  })

  it('stays open where waiting brings company', () => {
    const window = busy(1)
    for (let n = 0; n < 100; n++) {
      expect(window.wait(0, 5, bounds)).toBe(5)
      window.gathers(2)
      window.flushed(0, 5)
    }
  })

  it('follows a room that changes', () => {
    const window = busy(1_000)
    for (let now = 1; now < 60; now++) window.arrived(now)
    window.flushed(60, 1)
    expect(window.wait(60, 5, bounds)).toBe(5)
  })
})

describe('further turns before a flush', () => {
  it('are taken as long as each brings something', () => {
    const turns = new ArrivalTurns()
    turns.arrived()
    expect(turns.goOn(0, 4)).toBe(true)
    turns.arrived()
    expect(turns.goOn(0.1, 4)).toBe(true)
    expect(turns.goOn(0.2, 4)).toBe(false)
  })

  it('take at most a quarter of what the flush will, then start afresh', () => {
    const turns = new ArrivalTurns()
    const goesOnAt = (now: number) => {
      turns.arrived()
      return turns.goOn(now, 4)
    }
    expect([10, 10.9, 11, 15, 15.9, 16].map(goesOnAt)).toEqual([true, true, false, true, true, false])
  })

  it('are not taken before a flush that costs next to nothing', () => {
    const turns = new ArrivalTurns()
    turns.arrived()
    expect(turns.goOn(0, 0.1)).toBe(false)
  })

  it('end when the rooms to flush have been flushed meanwhile', () => {
    const turns = new ArrivalTurns()
    turns.arrived()
    expect(turns.goOn(0, 4)).toBe(true)
    turns.arrived()
    expect(turns.goOn(0.1, 0)).toBe(false)
  })
})

describe('answers ahead of a flush', () => {
  /** A room of a hundred. `messagesOf` tells how many a flush carries; each sender costs a write if it is answered ahead. */
  function run(answering: Answering, flushes: number, messagesOf: (isAhead: boolean) => number): boolean[] {
    return Array.from({ length: flushes }, () => {
      const { isAhead } = answering
      const messages = messagesOf(isAhead)
      answering.flushed(100 + (isAhead ? messages - 1 : 0), messages)
      return isAhead
    })
  }
  const share = (list: boolean[]) => list.filter(Boolean).length / list.length

  it('are tried at once, and kept up where senders wait for them', () => {
    const answering = new Answering()
    expect(answering.isAhead).toBe(true)
    run(answering, 64, (isAhead) => (isAhead ? 25 : 10))
    expect(share(run(answering, 640, (isAhead) => (isAhead ? 25 : 10)))).toBeGreaterThan(0.9)
  })

  it('are given up where senders go on anyway, and tried again at times', () => {
    const answering = new Answering()
    run(answering, 64, () => 5)
    const rest = run(answering, 640, () => 5)
    expect(share(rest)).toBeLessThan(0.1)
    expect(share(rest)).toBeGreaterThan(0)
  })

  it('are given up where they save too little', () => {
    const answering = new Answering()
    run(answering, 64, (isAhead) => (isAhead ? 11 : 10))
    expect(share(run(answering, 640, (isAhead) => (isAhead ? 11 : 10)))).toBeLessThan(0.1)
  })

  it('follow a room that changes', () => {
    const answering = new Answering()
    run(answering, 640, () => 5)
    run(answering, 128, (isAhead) => (isAhead ? 25 : 10))
    expect(share(run(answering, 64, (isAhead) => (isAhead ? 25 : 10)))).toBeGreaterThan(0.9)
    run(answering, 128, () => 5)
    expect(share(run(answering, 64, () => 5))).toBeLessThan(0.1)
  })
})

describe('the cost of a write', () => {
  it('is what flushes took of late, and learns nothing from one that wrote nothing', () => {
    const cost = new WriteCost()
    for (let n = 0; n < 50; n++) cost.learn(1, 100)
    cost.learn(5, 0)
    expect(cost.ms).toBeCloseTo(0.01)
  })

  it('hardly rises with one flush that was interrupted, and follows when all take longer', () => {
    const cost = new WriteCost()
    for (let n = 0; n < 50; n++) cost.learn(1, 100)
    cost.learn(30, 100)
    expect(cost.ms).toBeLessThanOrEqual(0.011)
    for (let n = 0; n < 100; n++) cost.learn(30, 100)
    expect(cost.ms).toBeCloseTo(0.3)
  })
})
