import { createRest } from '@roomful/server/rest'
import { protocol } from '@/protocol'

/**
 * The rooms, for this server alone: its key may do everything, so ask first what the user may do. A function, because
 * `next build` imports this file where there may be no key.
 */
export const rest = () =>
  createRest({ url: `${process.env.NEXT_PUBLIC_ROOMS_URL}/api`, key: process.env.API_KEY, protocol })
