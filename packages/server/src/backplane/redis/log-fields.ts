import { createHash } from 'node:crypto'
import { fingerprint } from '../log/fingerprint.js'

/** The field of a client's message. It includes the user, or one user could suppress another's message. */
export function sentField(userId: string, clientId: string): string {
  return `d${digestOf(`${clientId}\n${userId}`)}`
}

/** The field of a key under which the server published. */
export function keyField(key: string): string {
  return `k${digestOf(key)}`
}

/** Finds the records of a user's messages; those of a few other users may have the same mark. */
export function userMark(userId: string): string {
  return fingerprint(userId).toString(36)
}

/** As the scripts compute it, which compare a text with one that was read. */
export function textDigest(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

/** 132 bits, since a room may hold a hundred thousand of them. */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}
