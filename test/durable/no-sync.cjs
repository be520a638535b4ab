// Preloaded into a server to show that the tests notice missing syncs: it opens the store with synchronous = OFF.
const threads = require('node:worker_threads')
const { syncBuiltinESMExports } = require('node:module')

const PRAGMA = /PRAGMA synchronous = \$\{[^}]*\}/

threads.Worker = class extends threads.Worker {
  constructor(code, options) {
    if (!PRAGMA.test(code))
      throw new Error('The pragma that this file replaces is not in the code of the store')
    super(code.replace(PRAGMA, 'PRAGMA synchronous = OFF'), options)
  }
}
syncBuiltinESMExports()
