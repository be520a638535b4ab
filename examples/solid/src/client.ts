import { createClient } from '@roomful/client'

/** Connects when the first room is joined. */
export const client = createClient({ url: '/ws' })
