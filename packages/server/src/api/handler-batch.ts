import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'

export interface HandlerBatchItem<C, M> {
  readonly context: C
  readonly message: M
}

/** A handler that gets the messages of one room together, once there are `size` of them or the first is `ms` old. */
export interface HandlerBatch<C, M> {
  /** @default 10 */
  readonly size?: number
  /** @default 100 */
  readonly ms?: number
  handle(items: readonly HandlerBatchItem<C, M>[]): void | Promise<void>
}

const HANDLER_BATCH: OptionRules<HandlerBatch<unknown, unknown>> = {
  size: is.rule('a whole number above 0', (value) => Number.isSafeInteger(value) && Number(value) > 0),
  ms: is.positive,
  handle: is.function,
}

/**
 * Makes a {@link HandlerBatch} of its parts. Written as an object, `{ size, ms, handle }`, the compiler knows the fields of
 * the messages as well, which it cannot see through a call (there, annotate `items`).
 * @throws TypeError if `size` is no whole number above 0 or `ms` no number above 0
 */
export function batch<C, M>(
  options: { readonly size?: number; readonly ms?: number },
  handle: (items: readonly HandlerBatchItem<C, M>[]) => void | Promise<void>,
): HandlerBatch<C, M> & { readonly size: number; readonly ms: number } {
  assertOptions('batch', options, HANDLER_BATCH)
  const { size = 10, ms = 100 } = options
  return { size, ms, handle }
}
