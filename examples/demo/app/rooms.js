import { $, make, setText } from './dom.js'
import { recall, remember } from './people.js'
import { redraw } from './redraw.js'

const MOST = 8

/** The rooms in which this tab has been, with what is unread there for the first client. It joins none of them. */
export class Rooms {
  #nav = $('.rooms')
  #panel
  #ids = (recall('rooms') ?? '').split(' ').filter(Boolean)
  #heads
  #stop

  constructor(panel) {
    this.#panel = panel
  }

  entered(id) {
    const ids = this.#ids.includes(id) ? this.#ids : [...this.#ids, id].slice(-MOST)
    this.#ids = ids
    remember('rooms', ids.join(' '))
    this.#stop?.()
    this.#heads = Roomful.watch(
      this.#panel.client,
      ids.filter((one) => one !== id),
    )
    this.#stop = this.#heads.subscribe(redraw)
    this.#nav.replaceChildren(...ids.map((one) => this.#makeLink(one, one === id)))
    this.#nav.hidden = ids.length < 2
  }

  /** In the rooms but the present one. */
  get unread() {
    return [...(this.#heads?.get().values() ?? [])].reduce((sum, { unread }) => sum + unread, 0)
  }

  #makeLink(id, isCurrent) {
    const link = make('a')
    const to = new URLSearchParams(location.hash.slice(1))
    to.set('room', id)
    link.href = `#${to}`
    link.dataset.room = id
    if (isCurrent) link.ariaCurrent = 'page'
    link.append(make('span', '', id), make('b'), make('span', 'unseen'))
    return link
  }

  draw() {
    if (this.#nav.hidden) return
    const heads = this.#heads.get()
    for (const link of this.#nav.children) {
      const { unread = 0, more = false } = heads.get(link.dataset.room) ?? {}
      setText($('b', link), unread === 0 ? '' : more ? '99+' : String(unread))
      setText($('.unseen', link), unread === 0 ? '' : ' unread')
    }
  }
}
