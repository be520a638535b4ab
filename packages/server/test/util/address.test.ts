import { describe, expect, it } from 'vitest'
import { addressKey, clientAddress, parseAddress } from '../../src/util/address.js'

describe('an address', () => {
  it.each([
    ['203.0.113.8', '203.0.113.8'],
    [' 203.0.113.8\t', '203.0.113.8'],
    ['203.0.113.8:4001', '203.0.113.8'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:0102:0304', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:80', '1.2.3.4'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
    ['::', '::'],
  ])('an address written as %j is read as %j', (text, address) => {
    expect(parseAddress(text)).toBe(address)
  })

  it.each([
    '',
    'unknown',
    '_hidden',
    'example.com',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4:',
    '1.2.3.4:x',
    '256.0.0.1',
    '2001:db8::1::2',
    '[2001:db8::1',
    '[]:80',
    '[1.2.3.4]]:80',
    '1.2.3.4 5.6.7.8',
    '::1\u0000',
  ])('an address is not read from %j', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it.each([
    ['203.0.113.8', '203.0.113.8'],
    ['::ffff:203.0.113.8', '203.0.113.8'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0:0:9::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['1::2:3:4:5', '1:0:0:0::/64'],
    ['1::2:3:4:5:6', '1:0:0:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('an address: %s is rationed as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })
})

describe('the address of a client', () => {
  it('the address of a client is the peer where no proxy is trusted, whatever it forwards', () => {
    expect(clientAddress('::ffff:10.0.0.1', '1.2.3.4', 0)).toBe('10.0.0.1')
    expect(clientAddress(undefined, '1.2.3.4', 0)).toBe('unknown')
  })

  it('the address of a client is counted from the right, across several headers', () => {
    expect(clientAddress('10.0.0.1', '6.6.6.6, 1.2.3.4:5, [2001:db8::1]:443', 1)).toBe('2001:db8::1')
    expect(clientAddress('10.0.0.1', '6.6.6.6, 1.2.3.4:5, 10.0.0.2', 2)).toBe('1.2.3.4')
    expect(clientAddress('10.0.0.1', ['6.6.6.6', '1.2.3.4'], 1)).toBe('1.2.3.4')
  })

  it('the address of a client is the peer where the header says less, or something else: a lie must not be a new person each time', () => {
    for (const header of [undefined, '', '1.2.3.4', 'x, y', ',,', 'unknown, 10.0.0.2'])
      expect(clientAddress('10.0.0.1', header, 2)).toBe('10.0.0.1')
  })
})
