import type { ChromiumSample } from './client/in-chromium.js'
import type { NodeClientSample } from './client/in-node.js'
import type { ClientPeer, ClusterLoad, ClusterPeer, EqualLoad, LoadName, Peer } from './loads.js'
import type { Sample } from './measure.js'

/** Samples of each peer, one a round: what has the same index ran in the same round. */
export type Runs<P extends string, S> = Partial<Record<P, S[]>>

export interface Results {
  readonly loads: Partial<Record<LoadName, Runs<Peer, Sample>>>
  readonly equal: Partial<Record<EqualLoad, Runs<Peer, Sample>>>
  readonly idle: Runs<Peer, Sample>
  readonly clusters: Partial<Record<ClusterLoad, Runs<ClusterPeer, Sample>>>
  readonly node: Runs<ClientPeer, NodeClientSample>
  readonly chromium: Runs<ClientPeer, ChromiumSample>
}

/** What is compared, each in the unit that the report shows. */
export const deliveries = ({ delivered, serverCpu }: Sample) => delivered / serverCpu / 1e3
export const rate = ({ sent, seconds }: Sample) => sent / seconds
export const p50 = (sample: Sample) => sample.p50
export const p99 = (sample: Sample) => sample.p99
export const connects = ({ clients, connectSeconds }: Sample) => clients / connectSeconds
export const connectCost = ({ clients, connectCpu }: Sample) => (connectCpu / clients) * 1e6
export const settledMemory = ({ clients, rssBefore, rssSettled = rssBefore }: Sample) =>
  (rssSettled - rssBefore) / clients / 1_024
export const memory = ({ clients, rssBefore, rssAfter }: Sample) => (rssAfter - rssBefore) / clients / 1_024
