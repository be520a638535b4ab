import { expect, it } from 'vitest'
import { warnOfLonelyWorker } from '../../packages/server/src/engine/process/workers.js'
import { runChild } from '../support/child.js'
import { type LogLine, logInto } from '../support/wire-server.js'

it('a worker of node:cluster whose rooms are its own alone is warned, with the cure', async () => {
  const file = new URL('../support/cluster-worker.ts', import.meta.url)
  const { primary, worker } = await runChild<{ primary: string[]; worker: string[] }>(file, [])
  expect(primary).toEqual([])
  expect(worker).toEqual([expect.stringMatching(/node:cluster.*redis\(\{ url \}\)/)])
})

it('a worker on a backplane that joins them is not', () => {
  const log: LogLine[] = []
  warnOfLonelyWorker({ durability: 'primary' }, logInto(log), true)
  expect(log).toEqual([])
})
