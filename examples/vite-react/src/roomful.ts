import { createClient, type Room } from '@roomful/client'
import { createHooks } from '@roomful/client/react'
import { protocol } from '../protocol.js'

export type ChatRoom = Room<typeof protocol>
export type Entry = ReturnType<ChatRoom['timeline']['get']>[number]

/** How many messages are loaded at a time. */
export const PAGE = 30

const client = createClient({ url: '/ws', protocol, token: () => myName() ?? '' })

export const { useRoom, useTimeline, useMembers, useTyping, useStatus, useRoomEvent } = createHooks(client)

/** Each tab has its own, so that one can be several people. */
export const myName = () => sessionStorage.getItem('name')

/** The first room that is mounted connects, as the person of that name. */
export function logIn(name: string): void {
  sessionStorage.setItem('name', name)
}

export function logOut(): void {
  sessionStorage.removeItem('name')
  client.forget()
}
