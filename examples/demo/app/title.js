/** The title of the tab: the room, and how much is unread for the first client, there and in the other rooms. */
export function drawTitle(panel, rooms) {
  if (!panel.room) return
  const unread = panel.chat.unread.get() + rooms.unread
  const words = `${panel.room.id} · Roomful`
  const title = unread > 0 ? `(${unread > 99 ? '99+' : unread}) ${words}` : words
  if (document.title !== title) document.title = title
}
