import type { RoomfulError } from '@roomful/protocol'
import type { AnyProtocol, ConnectionContext, Hooks } from '../../api/api.js'
import { type HookName, hookNamesOf } from '../../api/hook-sets.js'
import type { ApplicationCalls } from './calls.js'

type AnyHooks = Hooks<AnyProtocol, unknown>
type Context = ConnectionContext<AnyProtocol, unknown>
type Call = (hooks: AnyHooks) => void | Promise<void> | undefined

/** The application's hook sets, called in their order. */
export class HookCalls {
  /** The hooks that there are: whoever calls no other makes no context for nothing. */
  readonly names: ReadonlySet<HookName>

  constructor(
    private readonly sets: readonly AnyHooks[],
    private readonly calls: ApplicationCalls,
  ) {
    this.names = hookNamesOf(sets)
  }

  /** Asks one set after the other. Returns the error of the first that fails; those after it are not asked. */
  async ask(name: string, context: Context, call: Call): Promise<RoomfulError | undefined> {
    for (const hooks of this.sets) {
      const outcome = await this.calls.run(name, context, () => call(hooks))
      if (!outcome.ok) return outcome.error
    }
    return undefined
  }

  /** Tells every set what happened, and waits for none: one that fails must not keep the others from it. */
  tell(name: string, context: Context, call: Call): void {
    for (const hooks of this.sets) this.calls.notify(name, context, () => call(hooks))
  }
}
