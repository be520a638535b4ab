import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer, memory } from '@roomful/server'
import { expect, it, onTestFinished } from 'vitest'
import { connect, refusedStatus } from '../support/connect.js'
import { gate, type LogLine, logInto } from '../support/wire-server.js'

it('a server takes nobody in, and warns of nothing, before its backplane has started: other nodes would not know the session', async () => {
  const redis = gate()
  const backplane = memory()
  const start = backplane.start.bind(backplane)
  backplane.start = async (node) => {
    await redis.opened
    await start(node)
  }
  const http = createHttpServer().listen(0, '127.0.0.1')
  const log: LogLine[] = []
  const server = createServer({ backplane, logger: logInto(log) })
  server.attach(http)
  onTestFinished(async () => {
    await server.close()
    http.close()
  })
  await new Promise((resolve) => http.once('listening', resolve))
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
  expect(await refusedStatus(url)).toBe(503)
  expect(server.ready).toBe(false)
  expect(log.filter(({ level }) => level !== 'info')).toEqual([])
  redis.open()
  await server.start()
  expect(server.ready).toBe(true)
  await connect(url)
})
