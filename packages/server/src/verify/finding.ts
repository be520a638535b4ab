/**
 * `wrong` has to be changed. `limit` is a limit of the server that this run met, and no fault. `note` is good to
 * know.
 */
export type Weight = 'wrong' | 'limit' | 'note'

/** What was found, in words for the person who runs the server. */
export interface Finding {
  readonly weight: Weight
  /** Stable, for programs. */
  readonly code: string
  /** One or two sentences. */
  readonly says: string
  /** What to change. */
  readonly mend?: string
}

export function wrong(code: string, says: string, mend?: string): Finding {
  return { weight: 'wrong', code, says, ...(mend !== undefined && { mend }) }
}

export function limit(code: string, says: string, mend?: string): Finding {
  return { weight: 'limit', code, says, ...(mend !== undefined && { mend }) }
}

export function note(code: string, says: string, mend?: string): Finding {
  return { weight: 'note', code, says, ...(mend !== undefined && { mend }) }
}

export function seconds(ms: number): string {
  return ms < 9_950 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`
}
