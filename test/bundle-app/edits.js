import { createClient } from '@roomful/client'
import { chat } from '@roomful/client/chat'

const log = document.getElementById('log')
const room = createClient({ url: `ws://${location.host}/ws` }).room('general')
const { messages } = chat(room)
const { edit } = document.forms

function render() {
  log.replaceChildren(
    ...messages.get().map((entry) => {
      const line = document.createElement('li')
      if (entry.kind === 'break') return line
      line.textContent = entry.message.deleted ? '' : entry.message.message
      line.onclick = () => chat(room).edit(entry.message, edit.text.value)
      line.ondblclick = () => chat(room).delete(entry.message)
      line.oncontextmenu = () => chat(room).react(entry.message, '👍')
      return line
    }),
  )
}
messages.subscribe(render)
await room.join({ history: 50 })
