import type { OccupancyChange } from '../../api/contracts/backplane.js'

export type OccupancyListener = (stream: string, change: OccupancyChange) => void

/** Passes on who enters and leaves rooms, as far as this node carried it out. */
export class Occupancy {
  readonly #listeners = new Set<OccupancyListener>()

  /** Returns an unsubscribe function. */
  listen(listener: OccupancyListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  changed(stream: string, change: OccupancyChange): void {
    for (const listener of this.#listeners) listener(stream, change)
  }
}
