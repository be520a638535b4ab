import type { Clock } from '../api/contracts/clock.js'
import { failureReason } from '../util/failure-reason.js'
import { retryAfter } from '../util/retry-after.js'
import { excerptOf } from './excerpt.js'

export interface PostRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutMs: number
  /** Aborts the request. */
  readonly signal: AbortSignal
}

/** The request was not accepted. */
export interface PostFailure {
  /** Ends the sentence "the endpoint …". */
  readonly why: string
  /** Whether the endpoint wants no more requests: it answered 410. */
  readonly isFinal: boolean
  readonly cause?: unknown
  /** How long the response asks to wait, in ms; 0 if it does not say. */
  readonly retryAfterMs: number
}

const GONE = 410
/** Maximum number of bytes read of a response's body. A longer body ends the connection. */
const BODY_BYTES = 16_384

/** Sends JSON. Resolves with `undefined` if a status from 200 to 299 arrived in time. */
export async function post(request: PostRequest, clock: Clock): Promise<PostFailure | undefined> {
  const { signal, timeoutMs } = request
  // Not AbortSignal.any(): Node has it only from 20.3 on, and it holds memory for as long as the signal lives.
  const ended = new AbortController()
  const end = (why: string) => ended.abort(new Error(why))
  const stop = () => end('was not waited for any longer')
  const cancel = clock.after(timeoutMs, () => end(`did not answer within ${timeoutMs} ms`))
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    const response = await send(request, ended.signal)
    const said = excerptOf(await beginningOf(response))
    return failureOf(response, said, clock)
  } catch (cause) {
    const why = ended.signal.aborted
      ? ended.signal.reason.message
      : `could not be reached: ${failureReason(cause)}`
    return { why, isFinal: false, cause, retryAfterMs: 0 }
  } finally {
    cancel()
    signal.removeEventListener('abort', stop)
  }
}

function send({ url, headers, body }: PostRequest, signal: AbortSignal): Promise<Response> {
  const all = {
    'content-type': 'application/json',
    'user-agent': 'Roomful',
    // Only the beginning of the body is read, and a small compressed body could decompress to a long one.
    'accept-encoding': 'identity',
    ...headers,
  }
  // A redirect could lead to a machine that the owner of the server did not choose.
  return fetch(url, { method: 'POST', headers: all, body, signal, redirect: 'manual' })
}

/**
 * The first bytes of the body, which is read so that the connection can be reused. Only the status counts, however the
 * body ends.
 */
async function beginningOf({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  if (!body) return new Uint8Array()
  const reader = body.getReader()
  try {
    for (let left = BODY_BYTES; left > 0; ) {
      const { done, value } = await reader.read()
      if (done) return Buffer.concat(chunks)
      chunks.push(value.subarray(0, left))
      left -= value.length
    }
  } catch {
    return Buffer.concat(chunks)
  }
  await reader.cancel().catch(() => {})
  return Buffer.concat(chunks)
}

function failureOf({ status, ok, headers }: Response, said: string, clock: Clock): PostFailure | undefined {
  if (ok) return undefined
  const isRedirect = status >= 300 && status < 400
  const answered = isRedirect ? `answered ${status}; redirects are not followed` : `answered ${status}`
  return {
    why: said === '' ? answered : `${answered}: ${said}`,
    isFinal: status === GONE,
    retryAfterMs: retryAfter(headers.get('retry-after'), clock.wallTime()) ?? 0,
  }
}
