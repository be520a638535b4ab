'use client'

import { createChatHooks } from '@roomful/client/chat-react'
import { client } from './hooks'

const { useWatch } = createChatHooks(client)

/** A list of rooms with badges, without joining them. */
export function Rooms({ ids }: { readonly ids: readonly string[] }) {
  const heads = useWatch(ids)

  return ids.map((id) => {
    const { unread = 0, more = false, mentions = 0 } = heads.get(id) ?? {}
    return (
      <p key={id}>
        {id}
        {unread > 0 && <b> {more ? '99+' : unread}</b>}
        {mentions > 0 && <b> @</b>}
      </p>
    )
  })
}
