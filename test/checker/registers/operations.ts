/** What one client asked of one message, which is a register: its text is written, read, and deleted once. */
export interface Operation {
  readonly client: string
  /** The server that it asked, by its port. */
  readonly node: number
  /** The id of the message. */
  readonly register: string
  readonly kind: 'write' | 'read'
  /** Written or read; empty for a deletion, and for what is deleted. */
  readonly text: string
  /** When it was first asked, and when it was answered, on one clock. */
  readonly askedAt: number
  readonly answeredAt: number
  /** The offset of the entry that made the text, as the answer says; `undefined` if it was refused as deleted. */
  readonly version: number | undefined
}

/** Within this time, a server has heard of what another one accepted. */
const HEARD_MS = 5_000

/**
 * Finds why a history is not linearizable. Offsets say in which order writes took place, if there is any such order: so
 * each read must have the text of its version, and whatever was answered before something else was asked must come before it.
 */
export function checkRegisters(history: readonly Operation[]): readonly string[] {
  const registers = new Map<string, Operation[]>()
  for (const operation of history) {
    const operations = registers.get(operation.register) ?? []
    registers.set(operation.register, operations)
    operations.push(operation)
  }
  return [...registers].flatMap(([register, operations]) =>
    [...checkTexts(operations), ...checkTime(operations), ...checkDeletion(operations)].map(
      (what) => `${register}: ${what}`,
    ),
  )
}

/** Each version has one text, and somebody wrote it. */
function checkTexts(operations: readonly Operation[]): readonly string[] {
  const violations: string[] = []
  const texts = new Map<number, string>()
  for (const { client, kind, text, version } of operations) {
    if (kind === 'read' || version === undefined) continue
    if (texts.has(version)) violations.push(`${client} wrote '${text}' where '${texts.get(version)}' is`)
    texts.set(version, text)
  }
  for (const { client, kind, text, version = 0 } of operations)
    if (kind === 'read' && texts.get(version) !== text)
      violations.push(`${client} read '${text}' at ${version}, where '${texts.get(version)}' was written`)
  return violations
}

/**
 * A write is newer than all that was answered before it was asked, and a read not older than that: on the same server at
 * once, and on others within the time that a server needs to hear of it.
 */
function checkTime(operations: readonly Operation[]): readonly string[] {
  const known = operations.filter(({ version }) => version !== undefined)
  const nodes = [...new Set(known.map(({ node }) => node))]
  const writes = known.filter(({ kind }) => kind === 'write')
  return [
    ...nodes.flatMap((node) => {
      const isHere = (operation: Operation) => operation.node === node
      return older(known.filter(isHere), known.filter(isHere), 0)
    }),
    ...older(writes, known, 0),
    ...older(known, known, HEARD_MS),
  ]
}

/** What comes after something that was answered so long before it was asked, and is older. */
function older(
  later: readonly Operation[],
  earlier: readonly Operation[],
  afterMs: number,
): readonly string[] {
  const violations: string[] = []
  const answered = [...earlier].sort((a, b) => a.answeredAt - b.answeredAt)
  let next = 0
  let newest = 0
  for (const { client, kind, text, version = 0, askedAt } of [...later].sort(
    (a, b) => a.askedAt - b.askedAt,
  )) {
    for (; (answered[next]?.answeredAt ?? askedAt) < askedAt - afterMs; next++)
      newest = Math.max(newest, answered[next]?.version ?? 0)
    if (version < newest || (kind === 'write' && version === newest))
      violations.push(`${client}'s ${kind} of '${text}' is at ${version}, and ${newest} was known before`)
  }
  return violations
}

/** Nothing comes after a deletion, and nothing is refused as deleted before somebody deletes. */
function checkDeletion(operations: readonly Operation[]): readonly string[] {
  const deletion = operations.find(
    ({ kind, text, version }) => kind === 'write' && text === '' && version !== undefined,
  )
  const { version: last = Number.POSITIVE_INFINITY, askedAt = Number.POSITIVE_INFINITY } = deletion ?? {}
  return operations.flatMap(({ client, text, version, answeredAt }) => {
    if (version === undefined && answeredAt < askedAt) return [`${client} was told of a deletion before it`]
    return (version ?? 0) > last
      ? [`${client} has '${text}' at ${version}, after the deletion at ${last}`]
      : []
  })
}
