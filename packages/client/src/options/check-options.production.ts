/** A wrong option is found in development and in Node; see check-options.ts. */
export const checkCall = (..._options: unknown[]): void => {}
export const checkOptions = checkCall
