import { type Backplane, memory } from '@roomful/server'
import { createTestServer, newNetwork, type TestServer } from '@roomful/server/testing'
import { distant } from './distant.js'
import type { SimProtocol } from './protocol.js'
import { recorded } from './recorded.js'
import { checkPresent, checkRoom, checkState } from './settled.js'
import { traitsOf } from './traits.js'
import { type Run, World } from './world.js'

/** Runs real clients against a real server over a network in memory, with a fault now and then, all by one seed. */
export async function simulate(seed: number, traits = traitsOf(seed)): Promise<Run> {
  const world = new OneNode(seed, traits)
  await world.run()
  return world.result()
}

/** One server, which keeps its logs in memory. */
class OneNode extends World {
  override readonly network = newNetwork(this.clock)
  #server: TestServer<SimProtocol> | undefined
  #store: Backplane | undefined

  protected override async start(): Promise<void> {
    const store = recorded(memory(this.traits.memory), (room, entry) => this.oracle.logged(room, entry))
    const backplane = this.has('distant store') ? distant(store, this.clock, this.application.fork()) : store
    this.#store = backplane
    this.#server = await createTestServer(
      { ...this.options(), backplane },
      { network: this.network, newId: () => this.newId() },
    )
  }

  protected override speaker(): TestServer<SimProtocol> | undefined {
    return this.#server
  }

  protected override store(): Backplane | undefined {
    return this.#store
  }

  protected override restart(how: 'crash' | 'drain', downMs: number): void {
    void this.#restart(how, downMs)
  }

  async #restart(how: 'crash' | 'drain', downMs: number): Promise<void> {
    const old = this.#server
    if (!old) return
    this.#server = undefined
    if (how === 'crash') old.crash()
    else await old.server.close({ drainMs: 2_000 })
    this.oracle.restarts++
    this.clock.after(200 + downMs, () => void this.start())
  }

  protected override async checkSettled(): Promise<void> {
    for (const room of this.rooms) {
      const asked = this.#server?.server.room(room).info()
      await this.clock.advance(1_000)
      const info = await asked
      if (!info) return this.oracle.fail('there is no server at the end')
      const guests = this.naive.filter(({ roomId }) => roomId === room).length
      checkPresent(info, this.people, guests, this.oracle)
      for (const person of this.people) {
        checkRoom(info, person, this.oracle)
        // Which of a user's two devices set its state last is not known from outside.
        if (person.userId !== 'user-1') checkState(info, person, this.oracle)
      }
    }
  }
}
