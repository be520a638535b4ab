export interface RestrictionOptions {
  /** For how long, in ms. @default until it is lifted */
  readonly forMs?: number
}

/** A user who may not write in a room, or not enter it. */
export interface ListedRestriction {
  readonly userId: string
  /** For how much longer the user is muted, as `mute` takes it: without `forMs`, until it is lifted. Absent if not muted. */
  readonly muted?: RestrictionOptions
  /** Likewise for a ban. */
  readonly banned?: RestrictionOptions
}

export interface RestrictionList {
  /** In an order of their ids that stays. */
  readonly restrictions: readonly ListedRestriction[]
  /** Whether there are others after these. */
  readonly more: boolean
}
