const NAME_LENGTH = 40

/** The name in what a client sent along or shows as its presence: anybody can send anything. */
export const readName = (value) =>
  typeof value?.name === 'string' ? value.name.trim().slice(0, NAME_LENGTH) : ''

/** What travels with each chat message. Any Standard Schema will do, such as one of zod or valibot. */
const chat = {
  '~standard': { version: 1, vendor: 'page', validate: (data) => ({ value: { name: readName(data) } }) },
}

/** A server of several nodes says which one of them this is, and whether it may be killed from here. */
const servedBy = {
  kind: 'volatile',
  body: { '~standard': { version: 1, vendor: 'page', validate: (by) => ({ value: by }) } },
}

const killNode = { '~standard': { version: 1, vendor: 'page', validate: () => ({ value: {} }) } }

/** What this page says to the server besides the base messages. */
export const protocol = { client: { kill_node: killNode }, server: { served_by: servedBy }, chat }
