import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Signed {
  readonly key: string
  readonly cert: string
  /** The file of the authority's certificate, for NODE_EXTRA_CA_CERTS. */
  readonly authority: string
  remove(): Promise<void>
}

/** A key that an authority of the test signed, for a name as OpenSSL writes it (`IP:127.0.0.1`); `days` below 0 have passed. */
export async function signedFor(name: string, days: number): Promise<Signed> {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-'))
  const file = (of: string) => join(folder, of)
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const [authority, secret] = [file('ca.pem'), file('ca-key.pem')]
  await run('openssl', [
    ...['req', '-x509', ...curve, '-days', '1', '-subj', '/O=Test/CN=Authority'],
    ...['-keyout', secret, '-out', authority],
  ])
  await run('openssl', [
    ...['req', ...curve, '-subj', '/CN=server', '-addext', `subjectAltName=${name}`],
    ...['-keyout', file('key.pem'), '-out', file('request.pem')],
  ])
  await run('openssl', [
    ...['x509', '-req', '-in', file('request.pem'), '-CA', authority, '-CAkey', secret, '-CAcreateserial'],
    ...['-days', `${days}`, '-copy_extensions', 'copy', '-out', file('cert.pem')],
  ])
  const [key, cert] = await Promise.all([
    readFile(file('key.pem'), 'utf8'),
    readFile(file('cert.pem'), 'utf8'),
  ])
  return { key, cert, authority, remove: () => rm(folder, { recursive: true }) }
}

/** A key and its own signature for 127.0.0.1, good for a day. */
export async function selfSigned(): Promise<{ readonly key: string; readonly cert: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'roomful-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  try {
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
      ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ])
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
  } finally {
    await rm(folder, { recursive: true })
  }
}
