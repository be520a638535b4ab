import type { Backplane, Clock, ReactionStore } from '@roomful/server'
import type { Random } from './random.js'

const DELAYED = new Set(['publish', 'subscribe', 'read', 'enter', 'update', 'leave', 'present'])
const MOST_MS = 60

/** The same backplane at the end of a wire: calls and answers take their time, and keep their order. */
export function distant(backplane: Backplane, clock: Clock, random: Random): Backplane {
  const wire = () => {
    let freeAt = 0
    return () => {
      freeAt = Math.max(freeAt, clock.now() + random.between(0, MOST_MS))
      return new Promise<void>((resolve) => clock.after(freeAt - clock.now(), resolve))
    }
  }
  const there = wire()
  const back = wire()
  const distantReactions = (store: ReactionStore): ReactionStore => ({
    users: async (...args) => {
      await there()
      const found = await store.users(...args)
      await back()
      return found
    },
    of: async (...args) => {
      await there()
      const found = await store.of(...args)
      await back()
      return found
    },
  })
  return new Proxy(backplane, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (property === 'reactions' && backplane.reactions) return distantReactions(backplane.reactions)
      if (typeof value !== 'function') return value
      if (typeof property !== 'string' || !DELAYED.has(property)) return value.bind(target)
      return async (...args: unknown[]) => {
        await there()
        const result: unknown = await value.apply(target, args)
        await back()
        return result
      }
    },
  })
}
