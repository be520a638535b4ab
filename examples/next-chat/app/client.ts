import { createClient } from '@roomful/client'
import { createHooks } from '@roomful/client/react'
import { protocol } from '@/protocol'

/** An empty token is refused for good; any failure is tried again. */
async function token(): Promise<string> {
  const response = await fetch('/api/token')
  if (response.status === 401) return ''
  if (!response.ok) throw new Error(`The token route answered ${response.status}`)
  return response.text()
}

export const client = createClient({ url: `${process.env.NEXT_PUBLIC_ROOMS_URL}/ws`, protocol, token })

export const { useRoom, useTimeline, useMembers, useTyping, useStatus } = createHooks(client)

export type Room = ReturnType<typeof useRoom>
