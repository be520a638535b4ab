import { Auditor } from '../auditor.js'
import { Crash } from './crash.js'
import { $ } from './dom.js'
import { Inspector } from './inspector.js'
import { Panel } from './panel.js'
import { recall, remember } from './people.js'
import { onRedraw } from './redraw.js'
import { Rooms } from './rooms.js'
import { drawTitle } from './title.js'
import { drawVerdict } from './verdict.js'

const auditor = new Auditor()
const panels = []
const inspector = new Inspector(panels)
const crash = new Crash(panels)

onRedraw(() => {
  for (const panel of panels) panel.draw()
  rooms.draw()
  drawTitle(panels[0], rooms)
  drawVerdict(auditor, panels)
  inspector.draw()
  crash.draw()
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
  for (const panel of panels) panel.enter(roomId)
  rooms.entered(roomId)
}

function openSecond() {
  if (panels.length > 1) return
  open(1)
  remember('second', 'yes')
  panels[1].enter(panels[0].room.id)
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
  crash.watch(panel)
  $('.inspector').before(panel.element)
  document.body.classList.toggle('shared', panels.length > 1)
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
$('#room-id').onkeydown = ({ key, target }) => {
  if (key !== 'Escape') return
  target.value = panels[0].room.id
  target.setCustomValidity('')
}
window.onhashchange = enter

// Both ends of a conversation are on the page, but on a phone among others, which are the other end.
const wide = matchMedia('(min-width: 641px)')
open(0)
const rooms = new Rooms(panels[0])
if (wide.matches || recall('second')) open(1)
wide.onchange = () => wide.matches && openSecond()
panels[0].onalone = () => address().get('clients') !== '1' && openSecond()
enter()
if (matchMedia('(hover: hover)').matches) panels[0].focus()
inspector.show(matchMedia('(min-width: 1280px)').matches)

const { visualViewport: view } = window
view.onresize = view.onscroll = () => {
  document.documentElement.style.setProperty('--height', `${view.height}px`)
  document.documentElement.style.setProperty('--top', `${view.offsetTop}px`)
}
