import { expect, it } from 'vitest'
import { compareWithModel } from './model.js'

it('[J3] [M7] [M8] [H9] a server does what its model does, for thousands of operations', {
  timeout: 60_000,
}, async () => {
  expect(await compareWithModel(30, 200, 1)).toBeGreaterThan(2_000)
})
