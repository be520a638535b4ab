import { Auditor } from '../auditor.js'
import { $ } from './dom.js'
import { Inspector } from './inspector.js'
import { Panel } from './panel.js'
import { onRedraw, redraw } from './redraw.js'
import { Rooms } from './rooms.js'
import { drawVerdict } from './verdict.js'

const auditor = new Auditor()
const panels = []
const inspector = new Inspector(panels)

onRedraw(() => {
  for (const panel of panels) panel.draw()
  rooms.draw()
  drawVerdict(auditor, panels)
  inspector.draw()
})

/** The page's address carries the room, `#room=lobby`, and with a server that asks for one the token. */
function address() {
  return new URLSearchParams(location.hash.slice(1))
}

function enter() {
  const roomId = address().get('room') || 'lobby'
  const field = $('#room-id')
  field.value = roomId
  try {
    for (const panel of panels) panel.client.room(roomId)
    field.setCustomValidity('')
  } catch {
    field.setCustomValidity('Letters and digits of any script and _ . : - = make a room’s name')
    field.reportValidity()
    return
  }
  document.title = `${roomId} · Roomful`
  for (const panel of panels) panel.enter(roomId)
  rooms.entered(roomId)
}

function open(side) {
  const panel = new Panel(side, {
    auditor,
    token: address().get('token') ?? undefined,
    watch(panel, way, frame) {
      if (way === 'in') auditor.passed(frame)
      inspector.watch(panel, way, frame)
    },
  })
  panels.push(panel)
  $('.inspector').before(panel.element)
  inspector.build()
}

$('.room').onsubmit = (event) => {
  event.preventDefault()
  const to = address()
  to.set('room', $('#room-id').value.trim().normalize('NFC'))
  location.hash = to
  panels[0].focus()
}
$('#room-id').oninput = ({ target }) => target.setCustomValidity('')
window.onhashchange = enter
// What came while nobody looked is seen now.
document.onvisibilitychange = redraw

// A phone has room for one client, anything larger shows both ends of a conversation.
open(0)
const rooms = new Rooms(panels[0])
const wide = matchMedia('(min-width: 641px)')
if (wide.matches) open(1)
wide.onchange = () => {
  if (!wide.matches || panels.length > 1) return
  open(1)
  enter()
}
enter()
if (matchMedia('(hover: hover)').matches) panels[0].focus()
inspector.show(matchMedia('(min-width: 1280px)').matches)
setInterval(redraw, 1_000)

const { visualViewport: view } = window
view.onresize = view.onscroll = () => {
  document.documentElement.style.setProperty('--height', `${view.height}px`)
  document.documentElement.style.setProperty('--top', `${view.offsetTop}px`)
}
