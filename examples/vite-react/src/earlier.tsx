import { useEffect, useRef, useState } from 'react'
import { type ChatRoom, PAGE } from './roomful.js'

/** Stands before the oldest message, and loads older ones when it is scrolled into view. */
export function Earlier({ room, before }: { room: ChatRoom; before: number }) {
  const [state, setState] = useState<'waiting' | 'loading' | 'failed' | 'done'>('waiting')
  const line = useRef<HTMLLIElement>(null)

  useEffect(() => {
    if (!line.current || state !== 'waiting') return
    const observer = new IntersectionObserver(([seen]) => {
      if (!seen?.isIntersecting) return
      setState('loading')
      room.history({ before, limit: PAGE }).then(
        ({ more }) => setState(more ? 'waiting' : 'done'),
        () => setState('failed'),
      )
    })
    observer.observe(line.current)
    return () => observer.disconnect()
  }, [room, before, state])

  if (state === 'done' || before === 1) return null
  return (
    <li className="earlier" ref={line}>
      <button type="button" disabled={state === 'loading'} onClick={() => setState('waiting')}>
        {state === 'loading' ? 'Loading…' : 'Earlier messages'}
      </button>
    </li>
  )
}
