/** Stands for your sessions: whose token it is. */
export const userOf = (token: unknown) =>
  typeof token === 'string' && /^[a-z]+$/.test(token) ? token : undefined
