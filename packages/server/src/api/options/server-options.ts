import type { BuiltIn } from '@roomful/protocol'
import type { Backplane } from '../contracts/backplane.js'
import type { Clock } from '../contracts/clock.js'
import type { Logger } from '../contracts/logger.js'
import type { Authentication, AuthenticationRequest, AuthorizationRequest } from '../hooks/authentication.js'
import type { Handlers } from '../hooks/handlers.js'
import type { HookSets } from '../hooks/hook-sets.js'
import type { AnyProtocol } from '../protocol.js'
import type { Limits } from './limits.js'

export interface ServerOptions<P extends AnyProtocol = BuiltIn, D = unknown> {
  /** The application's own messages. @default none: only the built-in messages */
  readonly protocol?: P
  /**
   * Turns a token into a user. A throw counts as an outage: the connection is closed with 1013, and its client
   * reconnects.
   * @default everybody may connect, with a random user id
   */
  readonly authenticate?: (request: AuthenticationRequest) => Authentication<D> | Promise<Authentication<D>>
  /**
   * Decides on each join, resume and history page, and on each message to a room. Anything but `true` denies; a throw
   * denies temporarily.
   * @default everybody may do everything
   */
  readonly authorize?: (request: AuthorizationRequest<P, D>) => boolean | Promise<boolean>
  /**
   * `'self'` lets anonymous users set what others see of them: a name and the URL of an avatar. With `authenticate`, return
   * a `profile` from it instead.
   * @default anonymous users have no profile
   */
  readonly profiles?: 'self'
  /** Joins nodes and keeps the logs. @default memory(), which one line of the log reports */
  readonly backplane?: Backplane
  /** @default DEFAULT_LIMITS */
  readonly limits?: Partial<Limits>
  /**
   * Lifecycle hooks, or a list of hook sets that run in order. They may be asynchronous; messages of one connection
   * wait for each other. The first `connect`, `message`, `binary` or `join` that throws refuses, and the sets after
   * it are not called. Every set's other hooks are called, whether or not an earlier one failed. The server waits for
   * what a hook returns, but ignores the value.
   */
  readonly on?: HookSets<NoInfer<P>, D>
  /** Handlers of the application's messages, and of chat. */
  readonly handle?: Handlers<P, D>
  /**
   * Pages that may connect from a browser: `'same-host'`, or exact origins such as `'https://example.com'`, as
   * browsers send them: without wildcards or default ports, and with other scripts in Punycode. Others get HTTP 403
   * at the upgrade. So does `'null'` (pages from `file://`, and sandboxed frames of any site), unless it is listed.
   * Requests without an Origin do not come from a browser and are accepted.
   * @default 'same-host'
   */
  readonly origins?: 'same-host' | readonly string[]
  /** How many proxies in front of this server append to X-Forwarded-For. @default 0: the header is ignored */
  readonly trustedProxies?: number
  /**
   * Signs the sessions that let anonymous users keep their ids. At least 16 characters; 32 random ones are better,
   * since anyone who guesses it can impersonate anyone. All nodes of a service share it.
   * @default kept by the backplane on disk or in Redis; otherwise random, so that a restart ends all sessions
   */
  readonly sessionSecret?: string
  /** Receives log events; you can pass a pino logger. @default warnings and errors go to stderr */
  readonly logger?: Logger
  /** Replaces time, for tests. @default the real clock */
  readonly clock?: Clock
}
