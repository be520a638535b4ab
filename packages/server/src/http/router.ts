import type { RoomfulError } from '../api/contracts/roomful-error.js'
import { requestError } from './problem.js'
import type { Route } from './route.js'

export interface Match {
  readonly route: Route
  readonly params: ReadonlyMap<string, string>
}

/** The path has calls, but with other methods. */
export interface Mismatch {
  readonly allowed: readonly string[]
}

/** Finds the route of a request. */
export class Router {
  readonly #routes: readonly { readonly route: Route; readonly pattern: readonly string[] }[]

  constructor(
    routes: readonly Route[],
    private readonly basePath: string,
  ) {
    this.#routes = routes.map((route) => ({ route, pattern: route.path.slice(1).split('/') }))
  }

  /** @throws RoomfulError `not_found` or `invalid_request` */
  match(method: string, pathname: string): Match | Mismatch {
    const segments = this.#segments(pathname)
    const here = this.#routes.flatMap(({ route, pattern }) => {
      const params = paramsOf(pattern, segments)
      return params ? [{ route, params }] : []
    })
    const asked = method === 'HEAD' ? 'GET' : method
    const found = here.find(({ route }) => route.method === asked)
    if (found) return found
    if (here.length === 0) throw this.#notFound(pathname)
    const methods = here.map(({ route }) => route.method)
    return { allowed: methods.includes('GET') ? [...methods, 'HEAD'] : methods }
  }

  #notFound(pathname: string): RoomfulError {
    const prefix = `${this.basePath}/`
    const why = pathname.startsWith(prefix)
      ? `The API has no such call; ${prefix}openapi.json lists them all`
      : `The paths of the API begin with ${prefix}; if it is mounted elsewhere, pass that path as basePath`
    return requestError('not_found', why)
  }

  /** The segments of a path below the base, decoded; none for any other path. */
  #segments(pathname: string): readonly string[] {
    const prefix = `${this.basePath}/`
    if (!pathname.startsWith(prefix)) return []
    try {
      return pathname.slice(prefix.length).split('/').map(decodeURIComponent)
    } catch {
      throw requestError('invalid_request', 'The path has a % that encodes nothing: write it as %25')
    }
  }
}

function paramsOf(
  pattern: readonly string[],
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const params = new Map<string, string>()
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? ''
    if (!part.startsWith('{')) {
      if (part !== segment) return undefined
    } else if (segment === '') return undefined
    else params.set(part.slice(1, -1), segment)
  }
  return params
}
