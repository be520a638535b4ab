import { createClient } from '@roomful/client'
import { createHooks } from '@roomful/client/react'

export const client = createClient({ url: '/ws' })
export const { useRoom, useTimeline, useTyping, useStatus } = createHooks(client)
