import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { Traces } from '@roomful/server'

/** OpenTelemetry's context, in a store that a tracing channel can set for what it traces. */
export class ChannelContextManager implements ContextManager {
  readonly store = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.store.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    call: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.store.run(active, () => call.apply(self, args))
  }

  bind<T>(active: Context, target: T): T {
    if (typeof target !== 'function') return target
    return ((...args: unknown[]) => this.store.run(active, () => target(...args))) as T
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.store.disable()
    return this
  }
}

interface SpanOf {
  readonly name: string
  readonly kind?: SpanKind
  readonly attributes?: Attributes
  /** The client's span. */
  readonly traceparent?: string | undefined
  readonly root?: boolean
}

/** Makes spans of everything that the Roomful servers of this process do. Call it once, before they start. */
export function traceRooms({ store }: ChannelContextManager): void {
  follow(store, 'roomful:connect', ({ traceparent, connectionId }) => ({
    name: 'connect',
    kind: SpanKind.SERVER,
    attributes: { 'roomful.connection_id': connectionId },
    traceparent,
  }))
  follow(store, 'roomful:message', ({ type, roomId, userId, connectionId, traceparent }) => ({
    name: `message ${type}`,
    kind: SpanKind.SERVER,
    attributes: attributes({ roomId, userId, connectionId }),
    traceparent,
  }))
  follow(store, 'roomful:join', ({ roomId }) => ({ name: 'join', attributes: attributes({ roomId }) }))
  follow(store, 'roomful:publish', ({ type, roomId }) => ({
    name: `publish ${type}`,
    kind: SpanKind.PRODUCER,
    attributes: attributes({ roomId }),
  }))
  // It writes for all messages of a turn, and so belongs to none of them.
  follow(store, 'roomful:flush', () => ({ name: 'flush', root: true }), 'end')
}

function follow<K extends keyof Traces>(
  store: AsyncLocalStorage<Context>,
  name: K,
  spanOf: (traced: Traces[K]) => SpanOf,
  last: 'end' | 'asyncEnd' = 'asyncEnd',
): void {
  const spans = new WeakMap<object, Span>()
  const channel = tracingChannel<Context, Traces[K]>(name)
  channel.start.bindStore(store, (traced) => {
    const { name, traceparent, ...options } = spanOf(traced)
    const around = traceparent ? propagation.extract(context.active(), { traceparent }) : context.active()
    const span = trace.getTracer('roomful').startSpan(name, options, around)
    spans.set(traced, span)
    return trace.setSpan(around, span)
  })
  channel.error.subscribe((traced) => fail(spans.get(traced as object), traced as { readonly error: Error }))
  channel[last].subscribe((traced) => spans.get(traced as object)?.end())
}

function fail(span: Span | undefined, { error }: { readonly error: Error }): void {
  span?.recordException(error)
  span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
}

function attributes(ids: {
  roomId?: string | undefined
  userId?: string | undefined
  connectionId?: string
}) {
  return {
    'roomful.room_id': ids.roomId,
    'enduser.id': ids.userId,
    'roomful.connection_id': ids.connectionId,
  }
}
