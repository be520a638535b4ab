import { createClient } from '@roomful/client'
import { chat, profiles, watch } from '@roomful/client/chat'

const client = createClient({ url: '/ws' })
const room = client.room('general')
const [c, users, heads] = [chat(room), profiles(room), watch(client, ['general', 'random'])]
const tool = (place: Element, textContent: string, onclick: () => unknown) =>
  place.append(Object.assign(document.createElement('button'), { textContent, onclick }))
function show() {
  const shown = c.messages.get().flatMap((entry) => (entry.kind === 'break' ? [] : entry.message))
  const rows = shown.map((m) => {
    const row = document.createElement('p')
    const seen = [...c.marks.get().values()].filter(({ offset }) => m.offset && offset >= m.offset)
    const text = `${m.deleted ? 'deleted' : m.message}${m.edited_at ? ' (edited)' : ''}`
    row.append(`${users.get().get(m.user_id)?.name}: ${text}, seen by ${seen.length} `)
    for (const { reaction, count, own } of m.reactions ?? [])
      tool(row, `${reaction} ${count}`, () => c[own ? 'unreact' : 'react'](m, reaction))
    tool(row, 'Like', () => c.react(m, '👍'))
    tool(row, 'Reply', () => room.send(prompt() ?? '', { replyTo: m, mentions: [m.user_id] }))
    tool(row, 'Edit', () => c.edit(m, prompt('Edit', m.message) ?? m.message))
    tool(row, 'Delete', () => c.delete(m))
    return row
  })
  const unread = [...heads.get()].map(([id, head]) => `${id}: ${head.unread} unread `)
  document.body.replaceChildren(...unread, ...rows)
  tool(document.body, 'Write', () => room.send(prompt() ?? ''))
}
for (const value of [c.messages, c.marks, users, heads]) value.subscribe(show)
room.join({ history: 50 }).then(() => c.messages.subscribe(() => c.markRead()))
