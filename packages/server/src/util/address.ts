import { isIP, isIPv4 } from 'node:net'

/** An IPv4 address inside an IPv6 address, as written by a URL: `::ffff:102:304` is 1.2.3.4. */
const MAPPED_IPV4 = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/
const BITS_OF_A_GROUP = 16
/**
 * How many groups of an IPv6 address name the network: a provider gives each customer at least 64 bits to use at
 * will.
 */
const NETWORK_GROUPS = 4
const GROUPS = 8

/**
 * The IP address in the text of a socket or a proxy, in one spelling per address: without a port, brackets or a zone,
 * and without the IPv6 form of an IPv4 address. `undefined` if there is none.
 */
export function parseAddress(text: string): string | undefined {
  const bare = withoutPort(text.trim())
  switch (isIP(bare)) {
    case 4:
      return bare
    case 6:
      return canonicalIPv6(bare)
    default:
      return undefined
  }
}

/**
 * The key under which limits count an address: the address itself, or the /64 network of an IPv6 address, since one
 * machine can have all of that. Anything that is not an address is its own key.
 */
export function addressKey(address: string): string {
  if (isIPv4(address)) return address
  const parsed = parseAddress(address)
  if (parsed === undefined || isIPv4(parsed)) return parsed ?? address
  return `${networkOf(parsed)}::/64`
}

/**
 * The address of the client behind `trustedProxies` proxies. It is counted from the right of X-Forwarded-For, because
 * a client can forge the entries further left. It is the peer itself if the header is shorter, or contains something
 * that is not an address.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  trustedProxies: number,
): string {
  const direct = (peer !== undefined && parseAddress(peer)) || 'unknown'
  if (trustedProxies === 0) return direct
  const hops = [forwardedFor ?? []].flat().join(',').split(',')
  return parseAddress(hops.at(-trustedProxies) ?? '') ?? direct
}

/** Some proxies add the port of each connection: with it, one person would count as a new address each time. */
function withoutPort(text: string): string {
  const [, inBrackets, beforePort] = /^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? []
  return inBrackets ?? beforePort ?? text
}

function canonicalIPv6(address: string): string {
  const [withoutZone] = address.split('%')
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1)
  const [, high, low] = MAPPED_IPV4.exec(canonical) ?? []
  return high && low ? [high, low].flatMap(twoBytes).join('.') : canonical
}

function twoBytes(group: string): number[] {
  const value = Number.parseInt(group, 16)
  return [value >> (BITS_OF_A_GROUP / 2), value & 0xff]
}

/** Expects a canonical IPv6 address. */
function networkOf(address: string): string {
  const [head = [], tail = []] = address.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array<string>(GROUPS - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].slice(0, NETWORK_GROUPS).join(':')
}
