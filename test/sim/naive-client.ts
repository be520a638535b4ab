import { Device } from '@roomful/server/testing'
import { textOf } from './oracle.js'
import type { Surroundings } from './person.js'
import type { Random } from './random.js'
import { seen } from './seen.js'

/** What may be sent to a program that has never heard of extensions. */
const EXPECTED = new Set([
  ...['system', 'authenticated', 'joined', 'user_joined', 'user_left', 'chat_message', 'notice'],
  ...['user_typing', 'user_stopped_typing', 'pong', 'error'],
])

/** A program written from the base messages alone: it connects, joins, chats, and starts anew when it is cut off. */
export class NaiveClient {
  #device: Device | undefined
  #connections = 0
  #sequence = 0

  constructor(
    readonly name: string,
    readonly roomId: string,
    private readonly random: Random,
    private readonly world: Surroundings,
  ) {
    this.#dial()
  }

  get link() {
    return this.#device?.link
  }

  #dial(): void {
    const { world, name } = this
    const { clock, network } = world
    const viewer = `${name}#${++this.#connections}`
    let isOpen = true
    world.oracle.isBase(viewer)
    const device = new Device(network)
    this.#device = device
    const token = encodeURIComponent(`${name} ${clock.wallTime() + 86_400_000}`)
    const socket = device.runtime.connect(`ws://sim/?token=${token}`, {
      opened: () => join(),
      received: (text) => {
        world.trace(name, '<', text)
        this.#receive(viewer, text, join)
      },
      closed: () => {
        isOpen = false
        clock.after(this.random.between(500, 3_000), () => this.#dial())
      },
    })
    const send = (message: object) => socket.send(JSON.stringify(message))
    const join = () => send({ type: 'join', room_id: this.roomId })
    const talk = () => {
      if (!isOpen || world.isOver()) return
      if (this.random.next() < 0.3) send({ type: 'typing_start' })
      for (let left = this.random.between(1, 4); left > 0; left--)
        send({ type: 'chat_message', message: textOf(name, this.#sequence++) })
      clock.after(this.random.between(1_000, 6_000), talk)
    }
    clock.after(this.random.between(1_000, 6_000), talk)
  }

  #receive(viewer: string, text: string, join: () => void): void {
    const { oracle } = this.world
    const frame: Parameters<typeof seen>[0] & { readonly type: string; readonly room_id?: string } =
      JSON.parse(text)
    if (!EXPECTED.has(frame.type)) oracle.fail(`${viewer} got a '${frame.type}', which no base client knows`)
    if (frame.type === 'error' && frame.room_id === this.roomId) this.world.clock.after(1_000, join)
    const { epoch = '', offset = 0 } = frame
    if (frame.type === 'joined') oracle.stands(viewer, this.roomId, { epoch, offset })
    if (frame.type === 'chat_message' || frame.type === 'notice') oracle.saw(viewer, this.roomId, seen(frame))
  }
}
