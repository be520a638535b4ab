import { $, setText } from './dom.js'
import { redrawIn } from './redraw.js'

/** What the auditor found, in the words and colour of the bar at the top. */
export function drawVerdict(auditor, panels) {
  const { shown, isPending, ...found } = auditor.examine(panels)
  // What is missing becomes a loss without that anything comes.
  if (isPending) redrawIn(1_000)
  for (const [name, count] of Object.entries(found)) setText($(`.verdict .${name}`), String(count))
  const { forgotten, ...wrong } = found
  const isBad = Object.values(wrong).some((count) => count > 0)
  $('.verdict').classList.toggle('bad', isBad)
  // Nothing is wrong with what the screens show, and still it would be a lie to say so in green.
  $('.verdict').classList.toggle('warn', forgotten > 0 && !isBad)
  $('.verdict .forgot').hidden = forgotten === 0
  const waiting = panels.reduce((sum, panel) => sum + panel.waiting, 0)
  setText(
    $('.verdict .total'),
    `of ${shown} ${shown === 1 ? 'message' : 'messages'}${waiting > 0 ? `, ${waiting} waiting` : ''}`,
  )
}
