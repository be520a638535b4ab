import { createExpressServer } from './server.js'

const { http } = createExpressServer()
const port = Number(process.env.PORT ?? 3000)
http.listen(port, '127.0.0.1', () => console.log(`HTTP at http://127.0.0.1:${port}, WebSocket at /ws`))
