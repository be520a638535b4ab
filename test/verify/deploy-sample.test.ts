import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { signedFor } from '../support/certificate.js'
import { Cli } from '../support/cli.js'
import { Nginx } from '../support/nginx.js'
import { RedisServer } from '../support/redis.js'
import { StoreServer } from '../support/store-server.js'

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8')

it('[M11] verify finds nothing wrong with the nginx of docs/deploy.md over TLS, before two nodes of which one is killed', {
  timeout: 60_000,
}, async () => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.remove())
  const node = () => StoreServer.start({ store: 'redis', options: { url: redis.url } })
  const [north, south] = await Promise.all([node(), node()])
  onTestFinished(async () => void (await Promise.all([north.kill(), south.kill()])))
  const certificate = await signedFor('IP:127.0.0.1', 90)
  onTestFinished(() => certificate.remove())
  const folder = dirname(certificate.authority)
  const [, sample = ''] = /```nginx\n([\s\S]+?)```/.exec(page) ?? []
  const nginx = await Nginx.with((port) =>
    sample
      .replace('10.0.0.1:3000', `127.0.0.1:${north.port}`)
      .replace('10.0.0.2:3000', `127.0.0.1:${south.port}`)
      .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
      .replace('/etc/letsencrypt/live/example.com/fullchain.pem', join(folder, 'cert.pem'))
      .replace('/etc/letsencrypt/live/example.com/privkey.pem', join(folder, 'key.pem')),
  )
  onTestFinished(() => nginx.stop())
  const args = ['verify', `wss://127.0.0.1:${nginx.port}`, '--seconds', '8', '--idle', '0', '--json']
  const cli = new Cli(args, { NODE_EXTRA_CA_CERTS: certificate.authority })
  await new Promise((resolve) => setTimeout(resolve, 6_000))
  await north.kill()
  const { code, stdout } = await cli.exit()
  const report = JSON.parse(stdout)
  expect(report.findings).toEqual([])
  expect(report.connection.certificate_ends_at).toMatch(/^\d{4}-/)
  expect(report.trial).toMatchObject({ lost: 0, forgotten: 0, duplicated: 0, holes: 0, breaks: 0 })
  expect(report.trial.endings['1006']).toBeGreaterThan(0)
  expect(code).toBe(0)
})
