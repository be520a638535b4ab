import { SpanStatusCode, trace } from '@opentelemetry/api'
import { createServer, memory, refuse } from '@roomful/server'

/** Chat that is moderated first. The span of `moderate` is below that of its message. */
export function chatServer() {
  return createServer({
    backplane: memory(),
    handle: {
      async chat_message(_context, chat) {
        await moderate(chat.message)
        return chat
      },
    },
  })
}

async function moderate(text: string): Promise<void> {
  await trace.getTracer('chat').startActiveSpan('moderate', async (span) => {
    // Stands for a call to a service, which is traced likewise.
    await new Promise((resolve) => setTimeout(resolve, 5))
    const isSpam = /\bspam\b/.test(text)
    if (isSpam) span.setStatus({ code: SpanStatusCode.ERROR, message: 'spam' })
    span.end()
    if (isSpam) throw refuse('spam', 'That looks like spam')
  })
}
