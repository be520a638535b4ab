import type { Protocol } from '@roomful/protocol'

/** Any result of `defineProtocol`. */
export type AnyProtocol = Protocol<object, object>
