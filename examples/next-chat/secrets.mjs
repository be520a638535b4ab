import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'

// `npm install` makes the secrets that the pages and the rooms share. Elsewhere, set them in the environment.
const lines = ['API_KEY', 'TOKEN_SECRET'].map((name) => `${name}=${randomBytes(32).toString('hex')}\n`)
if (!existsSync('.env.local')) writeFileSync('.env.local', lines.join(''), { mode: 0o600 })
