/** Version of the wire protocol that this package speaks, as it stands in `system` and `auth`. */
export const PROTOCOL_VERSION = 1
