/**
 * A digest of 53 bits of a client's message, to tell a retry from another message under the same id. It is a number
 * because a room remembers a hundred thousand of them. It protects against mistakes, not against attackers: users can
 * only cause collisions among their own messages.
 */
export function fingerprint(text: string): number {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    b = Math.imul(b ^ unit, 0x5f356495)
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ b
  b = Math.imul(b ^ (b >>> 13), 0xc2b2ae35) ^ a
  return (a >>> 0) * 0x20_0000 + (b >>> 11)
}
