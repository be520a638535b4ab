import { AsyncLocalStorage } from 'node:async_hooks'
import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { RoomfulError } from '@roomful/protocol'
import type { Traces } from '../../api/contracts/traces.js'

type Channel<T extends object> = TracingChannel<unknown, T>

const channel = <K extends keyof Traces>(name: K): Channel<Traces[K]> => tracingChannel(name)

export const channels = {
  connect: channel('roomful:connect'),
  message: channel('roomful:message'),
  join: channel('roomful:join'),
  publish: channel('roomful:publish'),
  flush: channel('roomful:flush'),
}

/** The error with which a traced operation was answered. The client receives it, and so nothing rejects. */
interface Answer {
  error?: RoomfulError | undefined
}

const answers = new AsyncLocalStorage<Answer>()

/** Whether anybody listens. A channel's own `hasSubscribers` is newer than the oldest Node that we run on. */
export function isTraced<T extends object>(channel: Channel<T>): boolean {
  const { start, end, asyncStart, asyncEnd, error } = channel
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}

/** Runs one operation as a trace. An error with which it is answered is the trace's, and that of the trace around it. */
export async function traced<T extends object>(
  channel: Channel<T>,
  trace: T,
  run: () => Promise<void>,
): Promise<void> {
  const answer: Answer = {}
  const answered = async () => {
    await run()
    if (answer.error) throw answer.error
  }
  try {
    await channel.tracePromise(() => answers.run(answer, answered), trace)
  } catch (error) {
    if (error !== answer.error) throw error
    noteAnswer(() => answer.error)
  }
}

/** Tells the trace of what is being handled the error that answers it. */
export function noteAnswer(error: () => RoomfulError | undefined): void {
  const answer = answers.getStore()
  if (answer) answer.error ??= error()
}
