import type { EnvelopeField, PublishedEnvelopeField, ReservedName } from '../messages/reserved.js'
import type { InputOf, OutputOf, Request, Volatile } from './definitions.js'

type IsAny<T> = 0 extends 1 & T ? true : false
/** `z.object({})` is inferred as a record of nothing; it has no fields that could clash. */
type KeysOf<T> = T extends Record<string, never> ? never : T extends unknown ? keyof T : never

// Each check is either `unknown`, which an intersection absorbs, or a sentence, which the compiler then shows.

type CheckObject<B> =
  IsAny<B> extends true
    ? 'a message body must not be any'
    : [B] extends [object]
      ? [Extract<B, readonly unknown[]>] extends [never]
        ? unknown
        : 'a message body must be an object'
      : 'a message body must be an object'

type CheckFields<B, Reserved extends string> =
  string extends KeysOf<B>
    ? 'a message body must name its fields'
    : [Extract<KeysOf<B>, Reserved>] extends [never]
      ? unknown
      : `'${Extract<KeysOf<B>, Reserved>}' is a field of the envelope`

/** The first check that failed, as its sentence. */
type First<Checks extends readonly unknown[]> = Checks extends readonly [infer Head, ...infer Tail]
  ? unknown extends Head
    ? First<Tail>
    : Head
  : unknown

export type CheckSchema<S> = First<[CheckObject<InputOf<S>>, CheckObject<OutputOf<S>>]>

type CheckBody<S, Reserved extends string> = First<
  [CheckSchema<S>, CheckFields<InputOf<S>, Reserved>, CheckFields<OutputOf<S>, Reserved>]
>

type CheckName<K> = string extends K
  ? 'message names must be literal'
  : K extends ReservedName
    ? `'${K}' is a built-in message name`
    : K extends `$${string}`
      ? `names that begin with '$' are reserved`
      : unknown

export type CheckClient<C> = {
  [K in keyof C]: First<
    [
      CheckName<K>,
      C[K] extends Request<infer I, infer _> ? CheckBody<I, EnvelopeField> : CheckBody<C[K], EnvelopeField>,
    ]
  >
}

export type CheckServer<S> = {
  [K in keyof S]: First<
    [
      CheckName<K>,
      S[K] extends Volatile<infer B> ? CheckBody<B, EnvelopeField> : CheckBody<S[K], PublishedEnvelopeField>,
    ]
  >
}
