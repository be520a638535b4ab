/**
 * Turns random bytes into an id for the wire: base64url without padding.
 * A `client_id` or the id of a log entry needs 16 bytes (22 characters) to be unguessable and unique.
 */
export function idFromBytes(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
