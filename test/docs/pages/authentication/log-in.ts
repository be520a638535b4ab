import type { ConnectionStatus } from '@roomful/client'

/** Refused; ended, with no function that fetches another token; or disconnected by the server, as at a log-out elsewhere. */
const LOGGED_OUT = ['invalid_token', 'token_expired', 'forbidden']

export const statusText = (status: ConnectionStatus) =>
  status.state === 'failed' && LOGGED_OUT.includes(status.error.code) ? 'Please log in' : status.reason
