import { context, propagation, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { createClient, type Meta } from '@roomful/client'
import { WebSocket } from 'ws'
import { ChannelContextManager, traceRooms } from './room-spans.js'
import { chatServer } from './server.js'

// In your application, a BatchSpanProcessor with an exporter for OTLP.
const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const contextManager = new ChannelContextManager()
provider.register({ contextManager })
traceRooms(contextManager)

const server = chatServer()
const { url } = await server.listen({ port: Number(process.env.PORT ?? 3008) })
const client = createClient({ url, WebSocket, meta: activeTrace })
const room = client.room('lobby')
await room.join()
const tracer = trace.getTracer('page')
for (const text of ['hello', 'spam spam spam']) {
  await tracer.startActiveSpan(`say '${text}'`, async (span) => {
    await room.send(text).catch((error) => span.recordException(error))
    span.end()
  })
}
client.close()
await server.close()
await provider.forceFlush()
print(exporter.getFinishedSpans())

/** What the client's messages carry: the span in which they are sent. */
function activeTrace(): Meta {
  const meta = {}
  propagation.inject(context.active(), meta)
  return meta
}

/** Prints each span below its parent. */
function print(spans: readonly ReadableSpan[], parentId?: string, indent = ''): void {
  const children = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parentId)
  for (const span of children) {
    if (span.name === 'flush') continue
    const { message } = span.status
    console.log(`${indent}${span.name}${message ? `: ${message}` : ''}`)
    print(spans, span.spanContext().spanId, `${indent}  `)
  }
}
