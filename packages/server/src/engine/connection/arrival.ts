/** How a client's message arrived. */
export interface Arrival {
  /** When, monotonic, in ms. */
  readonly at: number
  /** The trace that it belongs to, if the client told one. */
  readonly traceparent: string | undefined
}
