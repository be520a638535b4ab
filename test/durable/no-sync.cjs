// Preloaded into a server whose durability is to be found missing: its store is opened with synchronous = OFF.
const threads = require('node:worker_threads')
const { syncBuiltinESMExports } = require('node:module')

const PRAGMA = /PRAGMA synchronous = \$\{[^}]*\}/

threads.Worker = class extends threads.Worker {
  constructor(code, options) {
    if (!PRAGMA.test(code)) throw new Error('The store does not say how it syncs where this bug looks for it')
    super(code.replace(PRAGMA, 'PRAGMA synchronous = OFF'), options)
  }
}
syncBuiltinESMExports()
