import { defineProtocol } from '@roomful/protocol/define'
import * as z from 'zod/mini'

/** What the rooms carry besides chat. The rooms, the pages and the browser all import this file. */
export const protocol = defineProtocol({
  server: { rolled: z.object({ by: z.string(), value: z.number() }) },
})

export const rooms = ['general', 'random']

/** Who may enter which room: here everybody may enter all of them. A real application asks its database. */
export function mayEnter(_user: string, room: string): boolean {
  return rooms.includes(room)
}
