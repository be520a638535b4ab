import { describe, expect, it } from 'vitest'
import { keyOf, signedHeaders } from '../../src/webhooks/signature.js'

const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`

describe('the signature of a webhook', () => {
  it('the signature of a webhook is that of the test vector of Standard Webhooks', () => {
    const key = keyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
    const headers = signedHeaders(id, 1_614_265_330_999, '{"test": 2432232314}', key ? [key] : [])
    expect(headers).toEqual({
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  it('the signature of a webhook is one of each secret, so that a receiver can know either', () => {
    const keys = [24, 64].flatMap((bytes) => keyOf(secretOf(bytes)) ?? [])
    const [first, second] = keys.map((key) => signedHeaders('a', 0, '{}', [key])['webhook-signature'])
    expect(signedHeaders('a', 0, '{}', keys)['webhook-signature']).toBe(`${first} ${second}`)
    expect(first).not.toBe(second)
  })

  it.each([
    ['23 bytes', secretOf(23)],
    ['65 bytes', secretOf(65)],
    ['no prefix', secretOf(24).slice('whsec_'.length)],
    ['the prefix of a public key', secretOf(24).replace('whsec_', 'whpk_')],
    ['the alphabet of URLs', `whsec_${'-_'.repeat(16)}`],
    ['one character more than base64 can have', `${secretOf(24)}A`],
    ['padding that does not fit', `${secretOf(24)}=`],
    ['text after it', `${secretOf(24)} `],
    ['no text', undefined],
  ])('a secret with %s is none', (_, secret) => {
    expect(keyOf(secret)).toBeUndefined()
  })
})
