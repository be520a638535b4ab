import { createClient } from '@roomful/client/core'

const [log, form, text] = ['log', 'form', 'text'].map((id) => document.getElementById(id))
const client = createClient({ url: `ws://${location.host}/ws` })
const room = client.room('general')

room.on('chat_message', ({ user_id, message }) => log.append(`${user_id}: ${message}\n`))
room.status.subscribe(() => {
  log.ariaBusy = String(room.status.get().state !== 'live')
})
text.oninput = () => room.typing.keystroke()
form.onsubmit = (event) => {
  event.preventDefault()
  room.send(text.value)
}
await room.join()
