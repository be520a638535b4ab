import type { Backplane } from '@roomful/server'
import type { Seen } from './oracle.js'

/** The same backplane, with a witness of every entry that its logs accept. */
export function recorded(backplane: Backplane, witness: (stream: string, entry: Seen) => void): Backplane {
  return new Proxy(backplane, {
    get(target, property) {
      if (property === 'publish') {
        return async (...[stream, draft]: Parameters<Backplane['publish']>) => {
          const result = await target.publish(stream, draft)
          if (result.status === 'accepted' && !result.duplicate) {
            const { client_id: clientId, message: text } = JSON.parse(`${draft.open}}`) as Record<
              string,
              string
            >
            witness(stream, { ...result.position, clientId, text: text ?? '' })
          }
          return result
        }
      }
      const value = Reflect.get(target, property, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
