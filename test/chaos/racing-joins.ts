import { UNLIMITED } from '@roomful/server'
import { Random } from '../sim/random.js'
import { WireClient } from '../support/wire-client.js'
import { Stage } from './stage.js'

export interface RacingJoinsOptions {
  readonly joins: number
  /** Pairs of a writer on one node and a joiner on the other, each in a room of its own. */
  readonly pairs: number
}

export interface RacingJoinsResult {
  readonly joins: number
  readonly published: number
  readonly violations: readonly string[]
}

/** Live entries that a joiner waits for. */
const LIVE = 2
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * Joins a room on one node while messages are published into it on the other. Nobody else is in the room there, so that
 * each join subscribes at Redis, reads, and merges, in a race with what is published.
 */
export function raceJoins({ joins, pairs }: RacingJoinsOptions): Promise<RacingJoinsResult> {
  return Stage.play(async (stage) => {
    const redis = await stage.redis()
    const cluster = await stage.cluster(2, redis, { redis: { historyCount: 100 }, limits: UNLIMITED })
    const races = Array.from({ length: pairs }, (_, pair) => new Race(`room-${pair}`, new Random(pair)))
    const each = Math.ceil(joins / pairs)
    await Promise.all(races.map((race) => race.run(each, cluster.node(0).port, cluster.node(1).port)))
    return {
      joins: pairs * each,
      published: races.reduce((sum, race) => sum + race.published, 0),
      violations: [...races.flatMap((race) => race.violations), ...(await cluster.faults())],
    }
  })
}

class Race {
  readonly violations: string[] = []
  published = 0

  constructor(
    private readonly room: string,
    private readonly random: Random,
  ) {}

  async run(joins: number, writerPort: number, joinerPort: number): Promise<void> {
    const writer = await WireClient.open(writerPort)
    await writer.join(this.room)
    const joiner = await WireClient.open(joinerPort)
    for (let done = 0; done < joins; done++) {
      const joining = this.#join(joiner)
      await this.#publishUntil(joining, writer)
      const fault = faultOf(joiner)
      if (fault) this.violations.push(`${this.room}: ${fault}`)
      joiner.send({ type: 'leave', room_id: this.room })
      await joiner.next('left')
    }
  }

  async #join(joiner: WireClient): Promise<void> {
    joiner.frames.length = 0
    const join = { type: 'join', room_id: this.room, history: this.random.between(0, 10) }
    joiner.send(join)
    const isAnswer = ({ type }: { readonly type: string }) => type === 'joined' || type === 'error'
    const answer = await joiner.until(() => joiner.frames.find(isAnswer), `an answer to the join`)
    // As a client does: on a busy machine Redis may take too long to answer.
    if (answer.type === 'error') {
      if (answer.code !== 'unavailable') throw new Error(`The join was refused: ${JSON.stringify(answer)}`)
      await pause(Number(answer.retry_after_ms))
      return this.#join(joiner)
    }
    await joiner.until(() => joiner.all('chat_message').length >= LIVE, `${LIVE} live entries`)
  }

  async #publishUntil(done: Promise<void>, writer: WireClient): Promise<void> {
    let isDone = false
    const ending = done.finally(() => {
      isDone = true
    })
    while (!isDone) {
      writer.frames.length = 0
      writer.send({ type: 'chat_message', room_id: this.room, message: String(this.published++) })
      await Promise.race([ending, pause(this.random.between(0, 4))])
    }
    await ending
  }
}

/** Whether what a join brought and what came live are consecutive, and nothing live came before the join's answer. */
function faultOf({ frames }: WireClient): string | undefined {
  const index = frames.findIndex(({ type }) => type === 'joined')
  const { messages, offset } = frames[index] as unknown as Joined
  const live = frames.flatMap(({ type, offset }) => (type === 'chat_message' ? [Number(offset)] : []))
  if (frames.findIndex(({ type }) => type === 'chat_message') < index)
    return 'a live entry came before joined'
  const seen = [...messages.map((message) => message.offset), ...live]
  const first = offset - messages.length + 1
  return seen.every((at, step) => at === first + step) ? undefined : `joined at ${offset}, saw ${seen}`
}

interface Joined {
  readonly offset: number
  readonly messages: readonly { readonly offset: number }[]
}
