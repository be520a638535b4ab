import { Balancer } from '../../examples/two-nodes-redis/balancer.js'
import { type NodeOptions, NodeProcess } from './node-process.js'

/** Several nodes behind a balancer that keeps nobody with a node. */
export class Cluster {
  private constructor(
    readonly nodes: NodeProcess[],
    readonly balancer: Balancer,
    private readonly options: NodeOptions,
  ) {}

  static async start(count: number, options: NodeOptions): Promise<Cluster> {
    const nodes = await Promise.all(Array.from({ length: count }, () => NodeProcess.start(options)))
    const balancer = await Balancer.listen(nodes.map(({ port }) => port))
    return new Cluster(nodes, balancer, options)
  }

  node(index: number): NodeProcess {
    const node = this.nodes[index]
    if (!node) throw new RangeError(`There is no node ${index}`)
    return node
  }

  /** Starts a node that has ended again, on its port. */
  async restart(index: number): Promise<void> {
    const { port } = this.node(index)
    this.nodes[index] = await NodeProcess.start({ ...this.options, port })
    await this.balancer.check()
  }

  /** Errors of the nodes that nobody caught. */
  async faults(): Promise<readonly string[]> {
    const reports = await Promise.all(this.nodes.map((node) => node.report()))
    return reports.flatMap(({ faults }) => faults)
  }

  async stop(): Promise<void> {
    this.balancer.close()
    await Promise.all(this.nodes.map((node) => node.kill()))
  }
}
