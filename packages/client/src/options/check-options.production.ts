/** A wrong option is found in development and in Node; see check-options.ts. */
export const checkOptions = (..._options: unknown[]): void => {}
