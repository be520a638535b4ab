import type { BuiltIn } from '@roomful/protocol'
import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import type { AnyProtocol } from '../protocol.js'
import type { Hooks } from './hooks.js'

export type HookName = keyof Hooks

const HOOKS: OptionRules<Hooks<AnyProtocol, unknown>> = {
  connect: is.function,
  message: is.function,
  binary: is.function,
  ping: is.function,
  pong: is.function,
  join: is.function,
  leave: is.function,
  close: is.function,
  error: is.function,
}

declare const needs: unique symbol

// For the compiler only. Everything that a set needs is a parameter, as in the hooks themselves: a server accepts a
// set that needs less than it has, and rejects one that needs more.
interface HooksThatNeed<in Client, in Server, in Chat, in Data> {
  readonly [needs]: (client: Client, server: Server, chat: Chat, data: Data) => void
}

/**
 * Created by {@link defineHooks}. It fits each server whose protocol has everything in `P`, and whose users' data is
 * a `D`.
 */
export type HookSet<P extends AnyProtocol = BuiltIn, D = unknown> = HooksThatNeed<
  P['client'],
  P['server'],
  P['chat'] extends undefined ? unknown : P['chat'],
  D
>

type OneSet<P extends AnyProtocol, D> = Hooks<P, D> | HookSet<P, D>

/**
 * The option `on`: one set of hooks, or a list of sets.
 * The list is not an array type: arrays have a method `join` too, so the compiler could not infer the parameter of
 * the hook `join`.
 */
export type HookSets<P extends AnyProtocol = BuiltIn, D = unknown> = OneSet<P, D> | ArrayLike<OneSet<P, D>>

/**
 * Types a set of hooks that several servers share, as in `createServer({ on: [audit, tenants] })`. Without type
 * arguments it fits every server. If the set sends messages or reads users' data, name the protocol and the type of
 * the data: `defineHooks<typeof protocol, Account>({ … })`.
 * @throws TypeError for an unknown hook name, or a hook that is not a function
 */
export function defineHooks<P extends AnyProtocol = BuiltIn, D = unknown>(hooks: Hooks<P, D>): HookSet<P, D> {
  assertOptions('defineHooks', hooks, HOOKS)
  return hooks as unknown as HookSet<P, D>
}

/** @throws TypeError that names the hook and says how to fix it */
export function assertHookSets(caller: string, on: HookSets<AnyProtocol, unknown>): void {
  if (!Array.isArray(on)) assertOptions(caller, on, HOOKS, 'on')
  else for (const [index, hooks] of on.entries()) assertOptions(caller, hooks, HOOKS, `on[${index}]`)
}

/** The hooks that at least one of the sets has. */
export function hookNamesOf(sets: readonly Hooks<AnyProtocol, unknown>[]): ReadonlySet<HookName> {
  const names = Object.keys(HOOKS) as HookName[]
  return new Set(names.filter((name) => sets.some((hooks) => hooks[name])))
}

/**
 * The sets in their order, once they have been checked. Internally, no set needs anything that a server might not
 * have.
 */
export function hookSetsOf(on: HookSets<AnyProtocol, unknown> = {}): readonly Hooks<AnyProtocol, unknown>[] {
  return [on].flat() as readonly Hooks<AnyProtocol, unknown>[]
}
