import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { listen } from './http-api.js'

export const SECRET = `whsec_${Buffer.from('a secret of the tests, 32 bytes.').toString('base64')}`

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** As `room text`, for a chat message. */
  readonly line: string
  readonly id: string
}

/** Answers one request. */
export type Answer = (request: Received, response: ServerResponse) => void

export const accept: Answer = (_, response) => response.writeHead(204).end()
export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(code, headers).end()

/** A real HTTP server that notes each request, and answers as the test wants. */
export class WebhookReceiver {
  readonly received: Received[] = []
  answer: Answer = accept
  #url = ''

  static async start(answer: Answer = accept): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver()
    receiver.answer = answer
    receiver.#url = await listen((request, response) => {
      text(request).then(
        (body) => {
          const { url: path = '', headers } = request
          const { data } = JSON.parse(body)
          const line = `${data.room_id} ${data.message ?? data.text ?? data.type}`
          const one = { path, headers, text: body, line, id: String(headers['webhook-id']) }
          receiver.received.push(one)
          receiver.answer(one, response)
        },
        () => response.destroy(),
      )
    })
    return receiver
  }

  get url(): string {
    return `${this.#url}/hooks`
  }

  get lines(): string[] {
    return this.received.map(({ line }) => line)
  }
}

/** The signature that a request must have, made without the code that is tested. */
export function expectedSignature({ headers, text }: Received, secret = SECRET): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const content = [headers['webhook-id'], headers['webhook-timestamp'], text].join('.')
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`
}
