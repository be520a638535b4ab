import { inspectContent } from '@roomful/protocol'
import type { Clock } from '../api/contracts/clock.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'

/** A body that is being read. */
export interface BodyReading {
  /** Resolves once the whole body has been taken; rejects if its sender disconnects. */
  readonly done: Promise<void>
  /** Stops taking chunks. */
  stop(): void
}

/** Begins to read a body, chunk by chunk. Chunks are texts if somebody before the API called `setEncoding`. */
export type BodySource = (take: (chunk: Uint8Array | string) => void) => BodyReading

export interface BodyLimits {
  readonly bodyBytes: number
  readonly bodyMs: number
  /** Maximum nesting of objects and arrays. */
  readonly bodyDepth: number
}

/** Reads a body as JSON; `undefined` for an empty one. @throws RoomfulError `too_large`, `timeout`, `cancelled`, `invalid_json` */
export async function readJson(source: BodySource, limits: BodyLimits, clock: Clock): Promise<unknown> {
  const bytes = await readBytes(source, limits, clock)
  if (bytes.length === 0) return undefined
  const value = parse(bytes)
  const fault = inspectContent(value, limits.bodyDepth)
  if (fault === 'ill-formed text') throw new RoomfulError('invalid_text')
  if (fault) throw new RoomfulError('invalid_message', { message: `Invalid body: ${fault}` })
  return value
}

function readBytes(source: BodySource, { bodyBytes, bodyMs }: BodyLimits, clock: Clock): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    const { done, stop } = source((chunk) => {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      size += bytes.length
      if (size <= bodyBytes) chunks.push(bytes)
      else fail('too_large', `The body is larger than ${bodyBytes} bytes`)
    })
    const cancel = clock.after(bodyMs, () => fail('timeout', `The body did not arrive within ${bodyMs} ms`))
    const fail = (code: 'too_large' | 'timeout' | 'cancelled', message: string, cause?: unknown) => {
      cancel()
      chunks.length = 0
      stop()
      reject(new RoomfulError(code, { message, cause }))
    }
    done
      .then(() => Buffer.concat(chunks))
      .then(
        (bytes) => {
          cancel()
          resolve(bytes)
        },
        (cause: unknown) => fail('cancelled', 'The body did not arrive in full', cause),
      )
  })
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new RoomfulError('invalid_json', { message: 'The body is not JSON', cause })
  }
}
