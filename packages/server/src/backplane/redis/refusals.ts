/** Errors with which Redis refuses a command or a script, which then has no effect. */
const REFUSED =
  /^(ASK|BUSY|CLUSTERDOWN|CROSSSLOT|LOADING|MASTERDOWN|MISCONF|MOVED|NOAUTH|NOPERM|NOREPLICAS|NOSCRIPT|OOM|READONLY|TRYAGAIN|WRONGPASS)\b/

/** Errors of node-redis for a command that it did not send. */
const NOT_SENT = /^The (client is closed|client is offline|queue is full)$/

/** Errors of Redis Cluster: a key belongs to another node, or a database other than 0 was requested. */
const OF_A_CLUSTER = /^(ASK|CLUSTERDOWN|CROSSSLOT|MOVED) |\bcluster mode\b/

/** Whether an error proves that nothing has happened. For all other errors this is unknown. */
export function hadNoEffect({ message }: Error): boolean {
  return REFUSED.test(message) || NOT_SENT.test(message)
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

export function isOfCluster(error: unknown): boolean {
  return error instanceof Error && OF_A_CLUSTER.test(error.message)
}

/** A mistake in the settings, which waiting does not fix. */
export function clusterRefused(cause?: unknown): TypeError {
  const what =
    'redis: this is a Redis Cluster, which is not supported: give the url of a single Redis, or of a primary with replicas behind one address'
  return new TypeError(what, { cause })
}

/** The mistake in the settings that waiting cannot fix; `undefined` if Redis may still accept this node. */
export function settingsFault(error: unknown): TypeError | undefined {
  if (!(error instanceof Error)) return undefined
  const { message, cause } = error
  if (isOfCluster(error)) return clusterRefused(error)
  if (isUnauthorized(error)) return new TypeError(CREDENTIALS, { cause: error })
  if (NOT_PERMITTED.test(message))
    return new TypeError(`redis: this user may not do all that Roomful needs (${message})`, { cause: error })
  return settingsFault(cause)
}

/** The second is the error when a script runs a forbidden command. */
const NOT_PERMITTED = /^NOPERM\b|The user executing the script can't run/

const CREDENTIALS =
  'redis: this Redis refuses the user or the password, or asks for one that is missing: give them in the url, as in redis://user:password@host:6379'

/** Redis rejected the credentials: the password is wrong or missing, or the user is unknown or disabled. */
export function isUnauthorized({ message }: Error): boolean {
  return /^(WRONGPASS|NOAUTH)\b/.test(message)
}
