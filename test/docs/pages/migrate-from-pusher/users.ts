/** Stands for your sessions: whose token it is. */
export const userOf = (token: unknown) =>
  typeof token === 'string' && /^[a-z]+$/.test(token) ? token : undefined

/** Stands for a column of your table of users, in ms since 1970. */
export const lastSeen = new Map<string, number>()
