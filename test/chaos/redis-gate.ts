import { Gate } from './gate.js'
import { isPublication, RespSplitter } from './resp.js'

/** What lies between nodes and Redis: it loses publications, and leads to another Redis after a failover. */
export class RedisGate extends Gate {
  /** Share of the publications on their way to subscribers that vanish, from 0 to 1. */
  loss = 0
  passed = 0
  dropped = 0

  static override async to(target: number): Promise<RedisGate> {
    return new RedisGate(await Gate.listen(), target)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  protected override back(): (bytes: Buffer) => Iterable<Buffer> {
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
