import type { BuiltIn } from '@roomful/protocol'
import { type CoreClient, openClient } from './client.js'
import type { AnyProtocol, ClientOptions } from './options/options.js'
import type { Runtime } from './runtime/runtime.js'

/**
 * Creates a client like the main entry's, but its rooms have no `timeline`: for pages that render messages from
 * events alone, or show none.
 * @param runtime replaces clock, randomness, ids, network signals or sockets: for React Native, and for simulations
 * @throws TypeError for a wrong option, with a sentence that says how to fix it
 */
export function createClient<P extends AnyProtocol = BuiltIn>(
  options: ClientOptions<P>,
  runtime: Partial<Runtime> = {},
): CoreClient<P> {
  // One implementation serves every protocol. Its types describe what the schemas check at run time.
  return openClient(options, runtime) as unknown as CoreClient<P>
}

export { RoomfulError } from '@roomful/protocol/wire'
export type { CoreClient as Client } from './client.js'
export type { CoreRoom as Room } from './room/room-api.js'
