// Runs in the browser: one client, and a list of the newest messages that is drawn once a frame.
const SHOWN = 50

const clients = {
  roomful(onMessage) {
    const room = Roomful.createClient({ url: '/' }).room('room-0')
    room.on('chat_message', onMessage)
    return room.join()
  },
  'socket.io'(onMessage) {
    const socket = io({ transports: ['websocket'] })
    socket.on('chat_message', onMessage)
    socket.emit('join', { room_id: 'room-0' })
    return new Promise((resolve) => socket.once('joined', resolve))
  },
}

let messages = 0
let newest = []
let longTasks = []

const observer = new PerformanceObserver((list) => {
  longTasks.push(...list.getEntries().map(({ duration }) => duration))
})

globalThis.connect = async (kind) => {
  draw()
  await clients[kind](({ message }) => {
    messages++
    newest.push(message)
  })
}

/** Counts for that long, from now on. */
globalThis.count = async (ms) => {
  observer.observe({ type: 'longtask' })
  const startedAt = performance.now()
  messages = 0
  longTasks = []
  await new Promise((resolve) => setTimeout(resolve, ms))
  return { messages, longTasks, seconds: (performance.now() - startedAt) / 1e3 }
}

function draw() {
  newest = newest.slice(-SHOWN)
  document.body.innerText = newest.join('\n')
  requestAnimationFrame(draw)
}
