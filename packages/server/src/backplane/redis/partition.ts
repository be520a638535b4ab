const PARTITIONS = 128

/**
 * The part of the store that a stream belongs to, by a hash of its name: `000` to `127`. It must never change, or nodes
 * would look for logs where they are not.
 */
export function partitionOf(stream: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < stream.length; i++) hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return tagOf((hash ^ (hash >>> 16)) & (PARTITIONS - 1))
}

const tagOf = (partition: number): string => `${partition}`.padStart(3, '0')

/** Of all partitions. */
export const PARTITION_TAGS: readonly string[] = Array.from({ length: PARTITIONS }, (_, index) =>
  tagOf(index),
)
