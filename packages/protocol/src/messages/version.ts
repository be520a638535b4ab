/** Version of the wire protocol that this package speaks, as sent in `system` and `auth`. */
export const PROTOCOL_VERSION = 1
