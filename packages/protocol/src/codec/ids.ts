/**
 * Turns random bytes into an id of the wire: base64url without padding.
 * 16 bytes (22 characters) are what `client_id` and the ids of log entries need to be unguessable and unique.
 */
export function idFromBytes(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
