const NAME_LENGTH = 40

/** The name in a profile: one that comes from elsewhere than this page may be longer, or none. */
export const readName = (value) =>
  typeof value?.name === 'string'
    ? value.name
        .replace(/\p{Cc}/gu, '')
        .trim()
        .slice(0, NAME_LENGTH)
    : ''

/** A server of several nodes says which one of them this is, and whether it may be killed from here. */
const servedBy = {
  kind: 'volatile',
  body: { '~standard': { version: 1, vendor: 'page', validate: (by) => ({ value: by }) } },
}

const killNode = { '~standard': { version: 1, vendor: 'page', validate: () => ({ value: {} }) } }

/** What this page says to the server besides what every client can say. */
export const protocol = { client: { kill_node: killNode }, server: { served_by: servedBy } }
