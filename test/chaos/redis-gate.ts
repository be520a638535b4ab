import { type Passage, TcpProxy } from '../support/tcp-proxy.js'
import { isPublication, RespSplitter } from './resp.js'

/** A proxy between nodes and Redis that loses publications. */
export class RedisGate {
  /** Share of the publications on their way to subscribers that vanish, from 0 to 1. */
  loss = 0
  passed = 0
  dropped = 0

  private constructor(readonly proxy: TcpProxy) {}

  get url(): string {
    return this.proxy.redisUrl
  }

  static async to(target: number): Promise<RedisGate> {
    const gate: RedisGate = new RedisGate(await TcpProxy.to(target, () => gate.#passage()))
    return gate
  }

  #passage(): Passage {
    const splitter = new RespSplitter()
    return (bytes) => splitter.push(bytes).filter((value) => !this.#drops(value))
  }

  #drops(value: Buffer): boolean {
    if (!isPublication(value)) return false
    const drops = Math.random() < this.loss
    if (drops) this.dropped++
    else this.passed++
    return drops
  }
}
