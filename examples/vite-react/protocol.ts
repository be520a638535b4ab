import { defineProtocol, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

/** What the pages and the server say to each other, besides chat. Both sides check it. */
export const protocol = defineProtocol({
  client: { wave: z.object({}) },
  server: { waved: volatile(z.object({ by: z.string() })) },
})

export const ROOMS = [
  { id: 'general', about: 'Everything and nothing' },
  { id: 'music', about: 'What are you listening to?' },
  { id: 'travel', about: 'Where to, and how was it?' },
  { id: 'story', about: 'One sentence each, in turn' },
] as const

/** What people may be called, as a regular expression. The name is also their id. */
export const NAME = '[\\p{L}\\p{N}][\\p{L}\\p{N} ]{0,23}'
