/** What Redis answers instead of running a command or a script, none of which has any effect then. */
const REFUSED =
  /^(ASK|BUSY|CLUSTERDOWN|CROSSSLOT|LOADING|MASTERDOWN|MISCONF|MOVED|NOAUTH|NOPERM|NOREPLICAS|NOSCRIPT|OOM|READONLY|TRYAGAIN|WRONGPASS)\b/

/** What node-redis says of a command that it did not send. */
const NOT_SENT = /^The (client is closed|client is offline|queue is full)$/

/** Redis Cluster: a key is another node's, or the number of a database other than 0 was asked for. */
const OF_A_CLUSTER = /^(ASK|CLUSTERDOWN|CROSSSLOT|MOVED) |\bcluster mode\b/

/** Whether an error tells that nothing has happened. Of all others it is not known. */
export function hadNoEffect({ message }: Error): boolean {
  return REFUSED.test(message) || NOT_SENT.test(message)
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

export function isOfCluster(error: unknown): boolean {
  return error instanceof Error && OF_A_CLUSTER.test(error.message)
}

/** A mistake in the settings: waiting does not mend it. */
export function clusterRefused(cause?: unknown): TypeError {
  const what =
    'redis: this is a Redis Cluster, which is not supported: give the url of a single Redis, or of a primary with replicas behind one address'
  return new TypeError(what, { cause })
}

/** What of the settings is wrong, so that no waiting mends it; `undefined` where Redis may yet let this node in. */
export function settingsFault(error: unknown): TypeError | undefined {
  if (!(error instanceof Error)) return undefined
  const { message, cause } = error
  if (isOfCluster(error)) return clusterRefused(error)
  if (isUnauthorized(error)) return new TypeError(CREDENTIALS, { cause: error })
  if (NOT_PERMITTED.test(message))
    return new TypeError(`redis: this user may not do all that Roomful needs (${message})`, { cause: error })
  return settingsFault(cause)
}

/** The second is what Redis says where a script meets such a command. */
const NOT_PERMITTED = /^NOPERM\b|The user executing the script can't run/

const CREDENTIALS =
  'redis: this Redis refuses the user or the password, or asks for one that is missing: give them in the url, as in redis://user:password@host:6379'

/** Redis does not know who asks: the password is wrong or missing, or the user is unknown or disabled. */
export function isUnauthorized({ message }: Error): boolean {
  return /^(WRONGPASS|NOAUTH)\b/.test(message)
}
