import { readFile } from 'node:fs/promises'
import { generate } from 'selfsigned'

/** The certificate of TLS_KEY and TLS_CERT, which are paths, or one for this machine alone that only it would trust. */
export async function certificate() {
  const { TLS_KEY, TLS_CERT } = process.env
  if (TLS_KEY && TLS_CERT) return { key: await readFile(TLS_KEY), cert: await readFile(TLS_CERT) }
  const altNames = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
  ] as const
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [...altNames] }],
  })
  return { key, cert }
}
