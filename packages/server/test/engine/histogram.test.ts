import { expect, it } from 'vitest'
import { Histogram } from '../../src/engine/process/histogram.js'

it('a bucket of a histogram includes its bound and all smaller buckets, in seconds', () => {
  const histogram = new Histogram()
  for (const ms of [0, 0.5, 0.6, 250, 251, 60_000]) histogram.observe(ms)
  const lines = histogram.samples('h').trim().split('\n')
  expect(lines).toEqual([
    'h_bucket{le="0.0005"} 2',
    ...['0.001', '0.0025', '0.005', '0.01', '0.025', '0.05', '0.1'].map((le) => `h_bucket{le="${le}"} 3`),
    'h_bucket{le="0.25"} 4',
    ...['0.5', '1', '2.5', '5', '10'].map((le) => `h_bucket{le="${le}"} 5`),
    'h_bucket{le="+Inf"} 6',
    'h_sum 60.5021',
    'h_count 6',
  ])
})
