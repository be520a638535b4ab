/** An entry of a log as the server's truth has it, or as a client's application saw it. */
export interface Seen {
  readonly epoch: string
  readonly offset: number
  readonly id: string
  readonly clientId: string | undefined
  readonly text: string
}

/** What an application was told, in order: entries, and that continuity was broken. */
export type Observation =
  | { readonly kind: 'entry'; readonly entry: Seen }
  | { readonly kind: 'break'; readonly reason: string }

export interface Acked {
  readonly sender: string
  readonly room: string
  readonly sequence: number
  readonly text: string
  readonly clientId: string
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

export interface Truth {
  /** By room and epoch, every entry that the log ever held, in the order of offsets. */
  readonly logs: ReadonlyMap<string, readonly Seen[]>
}

/**
 * Checks the guarantee from outside: it knows what the logs held, what was acknowledged and what applications saw,
 * and nothing of how the product works.
 */
export class Oracle {
  readonly violations: string[] = []
  readonly #acked: Acked[] = []
  readonly #views = new Map<string, Observation[]>()

  acked(message: Acked): void {
    this.#acked.push(message)
  }

  get ackCount(): number {
    return this.#acked.length
  }

  saw(client: string, room: string, observation: Observation): void {
    const key = `${client} ${room}`
    const view = this.#views.get(key) ?? []
    this.#views.set(key, view)
    view.push(observation)
  }

  lastSeen(client: string, room: string): Seen | undefined {
    const view = this.#views.get(`${client} ${room}`) ?? []
    const last = view.findLast((observation) => observation.kind === 'entry')
    return last?.kind === 'entry' ? last.entry : undefined
  }

  get observed(): { readonly entries: number; readonly breaks: number } {
    const all = [...this.#views.values()].flat()
    return {
      entries: all.filter(({ kind }) => kind === 'entry').length,
      breaks: all.filter(({ kind }) => kind === 'break').length,
    }
  }

  check(truth: Truth): void {
    this.#checkLogs(truth)
    this.#checkAcked(truth)
    for (const [key, view] of this.#views) this.#checkView(key, view, truth)
  }

  fail(violation: string): void {
    this.violations.push(violation)
  }

  /** Offsets are contiguous from 1, no message stands twice in a log, and each sender's stand in the order of sending. */
  #checkLogs({ logs }: Truth): void {
    for (const [key, log] of logs) {
      const known = new Map<string, number>()
      const sequences = new Map<string, number>()
      for (const [index, entry] of log.entries()) {
        if (entry.offset !== index + 1)
          this.fail(`hole: log ${key} has offset ${entry.offset} at place ${index + 1}`)
        const before = entry.clientId === undefined ? undefined : known.get(entry.clientId)
        if (before !== undefined)
          this.fail(`doubled: '${entry.text}' stands at ${before} and ${entry.offset} of ${key}`)
        if (entry.clientId !== undefined) known.set(entry.clientId, entry.offset)
        const { sender, sequence } = parse(entry.text)
        const last = sequences.get(sender) ?? -1
        if (sequence <= last)
          this.fail(`reordered: '${entry.text}' comes after ${sender}'s ${last} in ${key}`)
        sequences.set(sender, sequence)
      }
    }
  }

  /** What was acknowledged stands in its log, where the acknowledgement said. */
  #checkAcked({ logs }: Truth): void {
    for (const acked of this.#acked) {
      const entry = logs.get(`${acked.room} ${acked.epoch}`)?.[acked.offset - 1]
      if (entry?.id !== acked.id || entry.text !== acked.text) {
        this.fail(
          `lost: '${acked.text}' was acknowledged at ${acked.offset} of ${acked.epoch}, where '${entry?.text}' stands`,
        )
      }
    }
  }

  /** Every application sees offsets once, in order, without a hole that it was not told of. */
  #checkView(key: string, view: readonly Observation[], { logs }: Truth): void {
    const room = key.split(' ')[1]
    let last: Seen | undefined
    let told = true
    for (const observation of view) {
      if (observation.kind === 'break') {
        told = true
        continue
      }
      const { entry } = observation
      const real = logs.get(`${room} ${entry.epoch}`)?.[entry.offset - 1]
      if (real?.id !== entry.id || real.text !== entry.text)
        this.fail(`invented: ${key} saw '${entry.text}', not '${real?.text}'`)
      const sameLog = last?.epoch === entry.epoch
      if (last && sameLog && entry.offset <= last.offset)
        this.fail(`doubled or reordered: ${key} saw ${entry.offset} after ${last.offset}`)
      else if (last && !told && !(sameLog && entry.offset === last.offset + 1)) {
        this.fail(
          `untold hole: ${key} saw ${entry.offset} of ${entry.epoch} after ${last.offset} of ${last.epoch}`,
        )
      }
      last = entry
      told = false
    }
  }
}

export function textOf(sender: string, sequence: number): string {
  return `${sender}:${sequence}`
}

function parse(text: string): { sender: string; sequence: number } {
  const [sender = '', sequence = ''] = text.split(':')
  return { sender, sequence: Number(sequence) }
}
