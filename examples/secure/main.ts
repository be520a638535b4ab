import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import { AccessList } from './access.js'
import { certificate } from './certificate.js'
import { createSecureServer } from './server.js'
import { playStory } from './story.js'
import { Tokens } from './tokens.js'

const tls = await certificate()
const tokens = new Tokens(process.env.JWT_SECRET ?? randomBytes(32).toString('base64url'))
const access = new AccessList()
const secure = createSecureServer(tokens, access, (line) => console.log(`  audit: ${line}`))
const { url } = await secure.server.listen({ port: Number(process.env.PORT ?? 3006), tls })
console.log(`Listening at ${url}`)

/** Trusts the server's certificate, as a browser does with one that an authority signed. */
class TrustingWebSocket extends WebSocket {
  constructor(address: string) {
    super(address, { ca: tls.cert })
  }
}

await playStory({ url, secure, tokens, access, WebSocket: TrustingWebSocket, tell: console.log })
await secure.server.close()
