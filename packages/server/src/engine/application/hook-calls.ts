import type { RoomfulError } from '@roomful/protocol'
import type { AnyProtocol, ConnectionContext, Hooks } from '../../api/api.js'
import { type HookName, hookNamesOf } from '../../api/hooks/hook-sets.js'
import type { ApplicationCalls } from './calls.js'

type AnyHooks = Hooks<AnyProtocol, unknown>
type Context = ConnectionContext<AnyProtocol, unknown>
type Call = (hooks: AnyHooks) => void | Promise<void> | undefined

/** Calls the application's hook sets in their order. */
export class HookCalls {
  /** The names of the hooks that exist. Without a hook, callers need not create a context. */
  readonly names: ReadonlySet<HookName>

  constructor(
    private readonly sets: readonly AnyHooks[],
    private readonly calls: ApplicationCalls,
  ) {
    this.names = hookNamesOf(sets)
  }

  /**
   * Calls the hook of one set after the other. Returns the error of the first that fails; later sets are not called.
   */
  async ask(name: string, context: Context, call: Call): Promise<RoomfulError | undefined> {
    for (const hooks of this.sets) {
      const outcome = await this.calls.run(name, context, () => call(hooks))
      if (!outcome.ok) return outcome.error
    }
    return undefined
  }

  /** Calls the hook of every set without waiting. One that fails does not prevent the others. */
  tell(name: string, context: Context, call: Call): void {
    for (const hooks of this.sets) this.calls.notify(name, context, () => call(hooks))
  }
}
