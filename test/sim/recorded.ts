import type { Backplane } from '@roomful/server'
import type { Seen } from './oracle.js'
import { seen } from './seen.js'

/** The same backplane, with a witness of every entry that its logs accept. */
export function recorded(backplane: Backplane, witness: (stream: string, entry: Seen) => void): Backplane {
  return new Proxy(backplane, {
    get(target, property) {
      if (property === 'publish') {
        return async (...[stream, draft]: Parameters<Backplane['publish']>) => {
          const result = await target.publish(stream, draft)
          if (result.status === 'accepted' && !result.duplicate) {
            witness(stream, seen({ ...draft.message, ...result.position }))
          }
          return result
        }
      }
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
