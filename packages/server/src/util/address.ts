import { isIP, isIPv4 } from 'node:net'

/** What an IPv4 address in an IPv6 one looks like once a URL has written it: `::ffff:102:304` is 1.2.3.4. */
const MAPPED_IPV4 = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/
const BITS_OF_A_GROUP = 16
/** The groups of an IPv6 address that name the network: a provider gives each customer 64 bits or more to number at will. */
const NETWORK_GROUPS = 4
const GROUPS = 8

/**
 * The IP address in what a socket or a proxy says, in one spelling for each address: without a port, brackets or a
 * zone, and without the IPv6 wrapping of an IPv4 address. `undefined` if there is none.
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
 * What an address counts as where people are rationed by address: itself, or the /64 network of an IPv6 address, since
 * one machine has all of that. Anything that is no address is a key as it stands.
 */
export function addressKey(address: string): string {
  if (isIPv4(address)) return address
  const parsed = parseAddress(address)
  if (parsed === undefined || isIPv4(parsed)) return parsed ?? address
  return `${networkOf(parsed)}::/64`
}

/**
 * The address of who is behind `trustedProxies` proxies. Counted from the right of X-Forwarded-For: what stands
 * further left, a client can forge. The peer itself if the header says less, or something that is no address.
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

/** Some proxies name the port of each connection: counted with it, one person would be somebody else each time. */
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

/** Of a canonical IPv6 address. */
function networkOf(address: string): string {
  const [head = [], tail = []] = address.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array<string>(GROUPS - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].slice(0, NETWORK_GROUPS).join(':')
}
