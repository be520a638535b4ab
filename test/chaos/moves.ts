import type { ConnectionStatus } from '@roomful/client'
import type { Crowd } from './crowd.js'

/** Times how long clients who lost their node take to be live again. */
export class Moves {
  killedAt: number | undefined
  readonly times: number[] = []
  /** Those who came back and could not go on from where they were. */
  unrecovered = 0

  constructor({ chatters }: Crowd) {
    for (const { client, roomId } of chatters) {
      let isAway = false
      client.on('status', ({ from, to }) => {
        // Before the first kill, clients that all join at once may be torn for other reasons.
        if (isUp(from) && !isUp(to) && this.killedAt !== undefined) isAway = true
      })
      client.room(roomId).status.subscribe((status) => {
        if (status.state !== 'live' || !isAway || this.killedAt === undefined) return
        isAway = false
        this.times.push(performance.now() - this.killedAt)
        if (status.recovered !== true) this.unrecovered++
      })
    }
  }
}

function isUp({ state }: ConnectionStatus): boolean {
  return state === 'online' || state === 'degraded'
}
