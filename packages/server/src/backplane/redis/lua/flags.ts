/**
 * First line of a script that a Redis without memory refuses before it begins. Else Redis refuses only its first write,
 * and not even that after a DEL: the logs of new rooms would grow on beyond `maxmemory`.
 */
export const WHOLE = '#!lua\n'

/**
 * First line of a script that runs even without memory, as it frees some, or moves a time. Else nobody could leave, and
 * nodes could not keep up their leases: their members would be taken for gone.
 */
export const ALWAYS = '#!lua flags=allow-oom\n'
