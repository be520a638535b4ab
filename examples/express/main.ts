import { createExpressServer } from './server.js'

const { http } = createExpressServer()
const port = Number(process.env.PORT ?? 3004)
http.listen(port, '127.0.0.1', () => console.log(`Express and Roomful are at http://127.0.0.1:${port}`))
