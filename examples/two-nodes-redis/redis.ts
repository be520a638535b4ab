import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'

/** Starts a Redis on a free port that writes nothing to the disk and ends with this process. Returns its URL. */
export async function startRedis(): Promise<string> {
  const port = await freePort()
  const settings = { port, bind: '127.0.0.1', dir: tmpdir(), save: '', 'maxmemory-policy': 'noeviction' }
  const redis = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  process.once('exit', () => redis.kill())
  const ended = Promise.race([once(redis, 'exit'), once(redis, 'error')]).then(() => {
    throw new Error(
      'No redis-server could be started: install one (apt-get install redis-server), or set REDIS_URL',
    )
  })
  let said = ''
  while (!said.includes('Ready to accept connections'))
    said += await Promise.race([once(redis.stdout, 'data'), ended])
  redis.stdout.resume()
  ended.catch(() => process.exit(1))
  return `redis://127.0.0.1:${port}`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
