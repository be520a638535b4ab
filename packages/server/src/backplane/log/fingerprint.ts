/**
 * 53 bits of digest of what a client sent, to tell a retry from another message under the same id: a number, since a
 * room remembers a hundred thousand of them. It guards against mistakes, not attackers: a user can only collide with messages of their own.
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
