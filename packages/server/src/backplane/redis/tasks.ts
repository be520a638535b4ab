/** Work for whichever node is alive when it is due. */
export type Task =
  /** A node's lease is over: its memberships end. */
  | { readonly kind: 'lease'; readonly lease: string }
  /** A user who could have returned has not. */
  | { readonly kind: 'grace'; readonly stream: string; readonly userId: string }

export function taskText(task: Task): string {
  return JSON.stringify(
    task.kind === 'lease' ? [task.kind, task.lease] : [task.kind, task.stream, task.userId],
  )
}

/** `undefined` for a task that another version may have recorded. */
export function parseTask(text: string): Task | undefined {
  let noted: unknown
  try {
    noted = JSON.parse(text)
  } catch {
    return undefined
  }
  const [kind, first, second]: unknown[] = Array.isArray(noted) ? noted : []
  if (kind === 'lease' && typeof first === 'string') return { kind, lease: first }
  if (kind === 'grace' && typeof first === 'string' && typeof second === 'string')
    return { kind, stream: first, userId: second }
  return undefined
}
