import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'

export interface HandlerBatchItem<C, M> {
  readonly context: C
  readonly message: M
}

/**
 * A handler that receives the messages of one room together, once there are `size` of them or the first has waited
 * `ms`.
 */
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
 * Creates a {@link HandlerBatch} from its parts. If you write an object `{ size, ms, handle }` instead, the compiler
 * also infers the fields of the messages, which it cannot do through a call (annotate `items` there).
 * @throws TypeError if `size` is not a whole number above 0 or `ms` not a number above 0
 */
export function batch<C, M>(
  options: { readonly size?: number; readonly ms?: number },
  handle: (items: readonly HandlerBatchItem<C, M>[]) => void | Promise<void>,
): HandlerBatch<C, M> & { readonly size: number; readonly ms: number } {
  assertOptions('batch', options, HANDLER_BATCH)
  const { size = 10, ms = 100 } = options
  return { size, ms, handle }
}
