import { WebSocket } from 'ws'
import type { RecordedClientOptions } from '../../packages/server/src/verify/checker/recorded-client.js'
import type { Random } from '../sim/random.js'

/** How a recorded client reaches servers on this machine, each time a random one. */
export function reach(
  name: string,
  room: string,
  ports: readonly number[],
  random: Random,
): RecordedClientOptions {
  return {
    ...{ name, room },
    dial: () => new WebSocket(`ws://127.0.0.1:${random.pick(ports)}`),
    pauseMs: () => random.between(20, 200),
  }
}
