import type { Client } from '@roomful/client'
import { watch } from '@roomful/client/chat'

/** Shows a badge for each room, until the function that it returns is called. */
export const showBadges = (
  client: Client,
  ids: readonly string[],
  show: (id: string, badge: string) => void,
) =>
  watch(client, ids).subscribe((heads) => {
    for (const id of ids) {
      const { unread = 0, more = false } = heads.get(id) ?? {}
      show(id, more ? '99+' : unread > 0 ? `${unread}` : '')
    }
  })
