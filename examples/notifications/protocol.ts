import { defineProtocol, request, volatile } from '@roomful/protocol/define'
import * as z from 'zod/mini'

export const notification = z.object({
  notification_id: z.string(),
  text: z.string(),
  created_at: z.string(),
})
export type Notification = z.infer<typeof notification>

const ids = z.object({ notification_ids: z.array(z.string()) })

export const protocol = defineProtocol({
  client: { dismiss: request(ids, z.object({ unread: z.int() })) },
  server: {
    /** What is stored, to each device when it connects. */
    unread: volatile(z.object({ notifications: z.array(notification) })),
    /** What happens from then on, to every device of the user. */
    notified: notification,
    marked_read: ids,
    announced: volatile(z.object({ text: z.string() })),
  },
})
