import { describe, expect, it } from 'vitest'
import { assertOrigins, isAllowedOrigin } from '../../src/server/origin.js'

describe('an origin', () => {
  it.each([
    [undefined, 'example.com', true],
    ['https://example.com', 'example.com', true],
    ['http://example.com', 'example.com', true],
    ['https://example.com:8443', 'example.com:8443', true],
    ['https://example.com:8443', 'example.com', false],
    ['https://example.com', 'example.com:8443', false],
    ['https://example.com', 'example.com:443', true],
    ['https://example.com', 'example.com:80', true],
    ['https://[2001:db8::1]', '[2001:db8::1]:443', true],
    ['https://[2001:db8::1]:8443', '[2001:DB8:0::1]:8443', true],
    ['https://[2001:db8::2]', '[2001:db8::1]', false],
    ['https://evil.example', 'example.com', false],
    ['https://example.com.evil.example', 'example.com', false],
    ['https://sub.example.com', 'example.com', false],
    ['null', 'example.com', false],
    ['https://localhost', 'example.com', false],
    ['not an origin', 'example.com', false],
    ['', 'example.com', false],
    ['https://example.com', undefined, false],
    ['https://example.com', '', false],
  ])('[C18] an origin: %s at the host %s: %s', (origin, host, isAllowed) => {
    expect(isAllowedOrigin(origin, host, 'same-host')).toBe(isAllowed)
  })

  it.each([
    ['http://localhost:5173', 'localhost:3000', true],
    ['http://localhost:5173', '127.0.0.1:3000', true],
    ['http://127.8.8.8', '[::1]:3000', true],
    ['http://[::1]:5173', 'localhost', true],
    ['null', '127.0.0.1:3000', false],
    ['null', 'localhost:3000', false],
    ['https://evil.example', 'localhost:3000', false],
    ['http://localhost.evil.example', 'localhost:3000', false],
    ['http://127.0.0.1.evil.example', '127.0.0.1', false],
  ])('[C18] an origin on loopback the port is not compared: %s at %s: %s', (origin, host, isAllowed) => {
    expect(isAllowedOrigin(origin, host, 'same-host')).toBe(isAllowed)
  })

  it('[C18] what no browser sends as an origin is a mistake, and told as one', () => {
    const never = ['https://*.example.com', 'example.com', '*', '', 3, 'app://Ä', 'https://a@b', 'app://*']
    for (const origin of never) expect(() => assertOrigins([origin]), String(origin)).toThrow(TypeError)
    const sent = {
      'https://example.com/': 'https://example.com',
      'https://Example.com': 'https://example.com',
      'https://example.com:443': 'https://example.com',
      'http://example.com:80': 'http://example.com',
      'https://münchen.de': 'https://xn--mnchen-3ya.de',
      'wss://example.com': 'https://example.com',
    }
    for (const [origin, says] of Object.entries(sent))
      expect(() => assertOrigins([origin]), origin).toThrow(`browsers send ${says}`)
    for (const origin of ['https://example.com', 'http://[::1]:8080', 'capacitor://localhost', 'null'])
      expect(() => assertOrigins([origin]), origin).not.toThrow()
  })

  it('[C18] a list is exact', () => {
    const list = ['https://example.com']
    expect(isAllowedOrigin('https://example.com', 'api.example.com', list)).toBe(true)
    expect(isAllowedOrigin('http://example.com', 'api.example.com', list)).toBe(false)
    expect(isAllowedOrigin('https://api.example.com', 'api.example.com', list)).toBe(false)
    expect(isAllowedOrigin('null', 'localhost', list)).toBe(false)
    expect(isAllowedOrigin('null', 'localhost', [...list, 'null'])).toBe(true)
    expect(isAllowedOrigin(undefined, 'api.example.com', list)).toBe(true)
  })
})
