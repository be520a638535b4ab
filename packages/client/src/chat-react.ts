'use client'

// By their names, not their files: in a page, they are then the same modules as those that the application imports.
import { chat, type Head, watch } from '@roomful/client/chat'
import { useObservable } from '@roomful/client/react'
import { useEffect, useMemo } from 'react'
import type { CoreClient } from './client.js'
import type { AnyProtocol } from './options/options.js'
import { changingIds } from './react/changing-ids.js'
import type { CoreRoom } from './room/room-api.js'

/** What a badge shows. */
export type Unread = Pick<Head, 'unread' | 'more' | 'mentions'>

/** The hooks for what is unread. */
export interface ChatHooks<P extends AnyProtocol> {
  /** What is unread in a room that is joined. */
  readonly useUnread: (room: CoreRoom<P>) => Unread
  /**
   * What is unread in rooms that need not be joined, by their ids, while a component shows it. The list may be a new one in
   * each rendering: only other ids are other rooms.
   */
  readonly useWatch: (ids: readonly string[]) => ReadonlyMap<string, Head>
}

/** From this number on, an unread count means that many or more. */
const MOST = 100

/** Creates the hooks of a client. Call it beside `createHooks`: it keeps no state and connects nothing. */
export function createChatHooks<P extends AnyProtocol>(client: CoreClient<P>): ChatHooks<P> {
  return { useUnread, useWatch: (ids) => useWatched(client, ids) }
}

function useUnread<P extends AnyProtocol>(room: CoreRoom<P>): Unread {
  const { unread, mentions } = chat(room)
  const count = useObservable(unread)
  return { unread: count, more: count >= MOST, mentions: useObservable(mentions) }
}

function useWatched<P extends AnyProtocol>(
  client: CoreClient<P>,
  ids: readonly string[],
): ReadonlyMap<string, Head> {
  // One list for as long as the component is there: a new one would be empty at first, and its badges would flicker.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect passes on later ids
  const { list, heads } = useMemo(() => {
    const list = changingIds(ids)
    return { list, heads: watch(client, list) }
  }, [client])
  useEffect(() => list.set(ids))
  return useObservable(heads)
}
