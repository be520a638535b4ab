const drawers = new Set()
let frame
let timer
let dueMs = Number.POSITIVE_INFINITY

/** Registers what is called whenever something on the page may have changed. */
export function onRedraw(draw) {
  drawers.add(draw)
}

/** Draws what has changed, once a frame at most. */
export function redraw() {
  // A page that nobody sees gets no frames, and has a title to keep right all the same.
  frame ??=
    document.visibilityState === 'visible'
      ? { request: requestAnimationFrame(draw) }
      : { timer: setTimeout(draw) }
}

/** Called while drawing, for what changes by itself: draws again when that is due. Nothing else wakes an idle page. */
export function redrawIn(ms) {
  dueMs = Math.min(dueMs, ms)
}

function draw() {
  frame = undefined
  clearTimeout(timer)
  dueMs = Number.POSITIVE_INFINITY
  for (const draw of drawers) draw()
  if (dueMs < Number.POSITIVE_INFINITY) timer = setTimeout(redraw, dueMs)
}

// What was asked for before comes in the other way now.
document.addEventListener('visibilitychange', () => {
  if (frame?.request) cancelAnimationFrame(frame.request)
  clearTimeout(frame?.timer)
  frame = undefined
  redraw()
})
