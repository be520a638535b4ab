/** Only Node and the development build check options; see check-options.ts. */
export const checkCall = (..._options: unknown[]): void => {}
export const checkOptions = checkCall
