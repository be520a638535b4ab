import type { BuiltIn } from '@roomful/protocol'
import type { Authentication, AuthenticationRequest, AuthorizationRequest } from './authentication.js'
import type { Backplane } from './backplane.js'
import type { Clock } from './clock.js'
import type { Handlers } from './handlers.js'
import type { HookSets } from './hook-sets.js'
import type { Limits } from './limits.js'
import type { Logger } from './logger.js'
import type { AnyProtocol } from './protocol.js'

export interface ServerOptions<P extends AnyProtocol = BuiltIn, D = unknown> {
  /** The application's own messages. @default none: the built-in ones alone */
  readonly protocol?: P
  /**
   * Turns a token into a user. A throw is taken for an outage: the connection is closed with 1013 and comes back.
   * @default everybody is let in under a random user id
   */
  readonly authenticate?: (request: AuthenticationRequest) => Authentication<D> | Promise<Authentication<D>>
  /**
   * Decides on each join, resume and history page, and on each message into a room. Anything but `true` denies;
   * a throw denies for now.
   * @default everybody may do everything
   */
  readonly authorize?: (request: AuthorizationRequest<P, D>) => boolean | Promise<boolean>
  /** What joins nodes and keeps the logs. @default memory() */
  readonly backplane?: Backplane
  /** @default DEFAULT_LIMITS */
  readonly limits?: Partial<Limits>
  /**
   * Lifecycle hooks, or a list of hook sets that run in its order. They may be asynchronous; messages of one connection wait
   * for each other. The first `connect`, `message`, `binary` or `join` that throws refuses, and the sets after it are not asked;
   * the other hooks are told in every set, whether or not one before it failed. What a hook returns is only waited for.
   */
  readonly on?: HookSets<NoInfer<P>, D>
  /** What happens with the application's messages, and with chat. */
  readonly handle?: Handlers<P, D>
  /**
   * Pages that may connect from a browser: `'same-host'`, or exact origins such as `'https://example.com'`, as browsers send
   * them: no wildcards, no default ports, other scripts in Punycode.
   * Others get HTTP 403 at the upgrade, and so does `'null'` (pages from `file://`, and sandboxed frames of any site)
   * unless it is listed. Requests without an Origin come from no browser and are let in.
   * @default 'same-host'
   */
  readonly origins?: 'same-host' | readonly string[]
  /** How many proxies in front of this server add to X-Forwarded-For. @default 0: the header is not believed */
  readonly trustedProxies?: number
  /**
   * Signs the sessions that give anonymous users their id back: 16 characters at the least, 32 random ones are better, since
   * who guesses it can be anybody. Nodes of one service share it.
   * @default kept by the backplane where it joins nodes; else random, so that a restart ends them
   */
  readonly sessionSecret?: string
  /** Where events are logged; a pino logger fits. @default warnings and errors to stderr */
  readonly logger?: Logger
  /** Brings its own time, for tests. @default the real clock */
  readonly clock?: Clock
}
