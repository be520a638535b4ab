const drawers = new Set()
let isDrawing = false

/** Registers what is called whenever something on the page may have changed. */
export function onRedraw(draw) {
  drawers.add(draw)
}

/** Draws what has changed, once a frame at most. */
export function redraw() {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    for (const draw of drawers) draw()
  })
}
