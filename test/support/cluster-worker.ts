import cluster from 'node:cluster'
import { createServer, type Logger, memory } from '@roomful/server'

/** Prints the warnings of a server in a worker of node:cluster, and of one in the process that has the workers. */
function warningsHere(): string[] {
  const warnings: string[] = []
  const logger: Logger = {
    debug() {},
    info() {},
    error() {},
    warn: (_, event) => void warnings.push(event),
  }
  void createServer({ backplane: memory(), logger }).close()
  return warnings
}

if (cluster.isPrimary) {
  const primary = warningsHere()
  const worker = cluster.fork()
  cluster.on('message', (_, warnings: string[]) => {
    console.log(JSON.stringify({ primary, worker: warnings }))
    worker.kill()
  })
} else {
  process.send?.(warningsHere())
}
