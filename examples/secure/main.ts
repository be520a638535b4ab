import { randomBytes } from 'node:crypto'
import { AccessList } from './access.js'
import { certificate } from './certificate.js'
import { createSecureServer } from './server.js'
import { Tokens } from './tokens.js'

const tokens = new Tokens(process.env.JWT_SECRET ?? randomBytes(32).toString('base64url'))
const access = new AccessList()
access.grant('board', 'ana', 'write')
access.grant('board', 'bob', 'read')

const { server } = createSecureServer(tokens, access)
const { url } = await server.listen({ port: Number(process.env.PORT ?? 3000), tls: await certificate() })
console.log(`Listening at ${url}. In the room "board", for an hour:`)
console.log(`ana may write: ${await tokens.issue('ana', 'Ana', 3_600)}`)
console.log(`bob may read:  ${await tokens.issue('bob', 'Bob', 3_600)}`)
