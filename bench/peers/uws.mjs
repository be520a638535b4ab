// uWebSockets.js inside Node, with its own publish and subscribe.
import uws from '@trufflesuite/uws-js-unofficial'

const decoder = new TextDecoder()
let users = 0

const app = uws.App().ws('/*', {
  // Its default of 64 KiB drops messages for readers that lag, which would be counted as lost.
  maxBackpressure: 64 * 1024 * 1024,
  open(socket) {
    socket.getUserData().id = `user-${++users}`
  },
  message(socket, data) {
    const message = JSON.parse(decoder.decode(data))
    switch (message.type) {
      case 'join':
        socket.subscribe(message.room_id)
        socket.send(JSON.stringify({ type: 'joined', room_id: message.room_id }))
        break
      case 'chat_message':
        app.publish(
          message.room_id,
          JSON.stringify({
            type: 'chat_message',
            message: message.message,
            timestamp: new Date().toISOString(),
            user_id: socket.getUserData().id,
          }),
        )
        break
    }
  },
})

app.listen('127.0.0.1', 0, (listening) => console.log(uws.us_socket_local_port(listening)))
