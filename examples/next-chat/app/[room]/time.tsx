import { useSyncExternalStore } from 'react'

const never = () => () => {}
const format = (at: string) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })

/** The reader's local time. The server does not know it, so it is filled in once the page is hydrated. */
export function Time({ at }: { at: string }) {
  const text = useSyncExternalStore(
    never,
    () => format(at),
    () => '',
  )
  return <time dateTime={at}>{text}</time>
}
