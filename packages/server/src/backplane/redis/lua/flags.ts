/**
 * First line of a script that Redis refuses to start when its memory is full. Without it, Redis would refuse only the
 * first write, and not even that after a DEL: the logs of new rooms would grow beyond `maxmemory`.
 */
export const WHOLE = '#!lua\n'

/**
 * First line of a script that runs even when memory is full, because it frees memory or only changes a time.
 * Otherwise nobody could leave, and nodes could not renew their leases: their members would be treated as gone.
 */
export const ALWAYS = '#!lua flags=allow-oom\n'
