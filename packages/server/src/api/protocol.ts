import type { Protocol } from '@roomful/protocol'

/** Any protocol that `defineProtocol` makes. */
export type AnyProtocol = Protocol<object, object>
