'use client'

import { chat } from '@roomful/client/chat'
import { useObservable } from '@roomful/client/react'
import { useEffect } from 'react'
import { useRoom, useTimeline } from './hooks'

/** Shows who has read the newest message, and marks it as read while somebody looks at the page. */
export function SeenBy() {
  const room = useRoom('general')
  const { marks, markRead } = chat(room)
  const seen = useObservable(marks)
  const newest = useTimeline(room).findLast((entry) => entry.kind === 'message')?.message

  useEffect(() => {
    const look = () => document.visibilityState === 'visible' && markRead(newest)
    look()
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [markRead, newest])

  const readers = [...seen].filter(([, { offset }]) => offset >= (newest?.offset ?? Infinity))
  return <small>Seen by {readers.map(([user]) => user).join(', ') || 'nobody yet'}</small>
}
