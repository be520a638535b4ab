import type { InputOf, ObjectSchema, OutputOf, Protocol, Request, Volatile } from './definitions.js'

type Message<T extends string, B> =
  B extends Record<string, never> ? { type: T } : B extends unknown ? { type: T } & B : never

/** Names of the client messages that are requests. */
export type RequestName<P extends Protocol<object, object>> = {
  [K in keyof P['client'] & string]: P['client'][K] extends Request ? K : never
}[keyof P['client'] & string]
/** Names of the client messages that expect no reply. */
export type PlainName<P extends Protocol<object, object>> = Exclude<
  keyof P['client'] & string,
  RequestName<P>
>
/** Names of the server messages that are logged. */
export type PublishedName<P extends Protocol<object, object>> = {
  [K in keyof P['server'] & string]: P['server'][K] extends Volatile ? never : K
}[keyof P['server'] & string]
/** Names of the server messages that are broadcast. */
export type VolatileName<P extends Protocol<object, object>> = Exclude<
  keyof P['server'] & string,
  PublishedName<P>
>

type BodySchema<D> = D extends Request<infer I, infer _> ? I : D extends Volatile<infer B> ? B : D

/** The body of a message as its sender passes it: the schema's input. */
export type BodyInput<D> = InputOf<BodySchema<D>>
/** The body of a message as its receiver gets it: the schema's output. */
export type BodyOutput<D> = OutputOf<BodySchema<D>>
export type ReplyInput<D> = D extends Request<infer _, infer R> ? InputOf<R> : never
export type ReplyOutput<D> = D extends Request<infer _, infer R> ? OutputOf<R> : never

/** An application's client message, as handlers receive it. */
export type ClientMessageFor<
  P extends Protocol<object, object>,
  K extends keyof P['client'] & string,
> = Message<K, BodyOutput<P['client'][K]>>
/** An application's server message, as clients receive it, without its envelope. */
export type ServerMessageFor<
  P extends Protocol<object, object>,
  K extends keyof P['server'] & string,
> = Message<K, BodyOutput<P['server'][K]>>
/** The argument of `publish`. */
export type Publishable<P extends Protocol<object, object>> = {
  [K in PublishedName<P>]: Message<K, BodyInput<P['server'][K]>>
}[PublishedName<P>]
/** The argument of `broadcast`. */
export type Broadcastable<P extends Protocol<object, object>> = {
  [K in VolatileName<P>]: Message<K, BodyInput<P['server'][K]>>
}[VolatileName<P>]
/** `data` of a chat message, as its sender passes it. */
export type ChatDataInput<P extends Protocol<object, object>> = P['chat'] extends ObjectSchema
  ? InputOf<P['chat']>
  : never
/** `data` of a chat message, as its receivers get it. */
export type ChatDataOutput<P extends Protocol<object, object>> = P['chat'] extends ObjectSchema
  ? OutputOf<P['chat']>
  : never
