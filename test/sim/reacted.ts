/** One user's reaction to a message, or that it is taken back. */
export interface Reacting {
  readonly name: string
  readonly user: string
  readonly isOn: boolean
}

/** Who reacted to a message in one way, in order. */
export interface Reacted {
  readonly reaction: string
  readonly users: readonly string[]
}

export interface Count {
  readonly reaction: string
  readonly count: number
}

/** What takes the place of a text where an entry is only a reaction. */
export function reactionText(isOn: boolean, name: string | undefined): string {
  return `${isOn ? '+' : '-'}${name}`
}

/** What was added first comes first; what nobody has any more is gone. */
export function reacted(before: readonly Reacted[], { name, user, isOn }: Reacting): readonly Reacted[] {
  const known = before.find(({ reaction }) => reaction === name)
  if (!known) return isOn ? [...before, { reaction: name, users: [user] }] : before
  const others = known.users.filter((one) => one !== user)
  const users = isOn ? [...others, user] : others
  return before.flatMap((one) => (one !== known ? one : users.length > 0 ? { ...one, users } : []))
}

export function hasReacted(reactions: readonly Reacted[], { name, user }: Omit<Reacting, 'isOn'>): boolean {
  return reactions.some(({ reaction, users }) => reaction === name && users.includes(user))
}

export function countsOf(reactions: readonly Reacted[]): readonly Count[] {
  return reactions.map(({ reaction, users }) => ({ reaction, count: users.length }))
}

/** The counts after one more or one less, as whoever sees only numbers makes them. */
export function counted(
  counts: readonly Count[],
  { name, isOn }: Pick<Reacting, 'name' | 'isOn'>,
): readonly Count[] {
  const isKnown = counts.some(({ reaction }) => reaction === name)
  const all = isKnown ? counts : [...counts, { reaction: name, count: 0 }]
  return all.flatMap((one) => {
    const count = one.reaction === name ? one.count + (isOn ? 1 : -1) : one.count
    return count > 0 ? { reaction: one.reaction, count } : []
  })
}

export function words(counts: readonly Count[] = []): string {
  return counts.map(({ reaction, count }) => `${reaction}${count}`).join(' ')
}
