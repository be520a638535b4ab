import { parseArgs } from 'node:util'
import { LOAD_NAMES, LOADS, PEER_NAMES } from './loads.js'
import { compileLoad, measure } from './measure.js'

const { values } = parseArgs({
  options: { only: { type: 'string' }, peers: { type: 'string' }, reps: { type: 'string', default: '3' } },
})
const only = values.only?.split(',')
const peers = PEER_NAMES.filter((peer) => values.peers?.split(',').includes(peer) ?? true)
const program = compileLoad()
for (const name of LOAD_NAMES.filter((name) => only?.includes(name) ?? true)) {
  console.log(`${name}: ${LOADS[name].title}`)
  for (let repetition = 0; repetition < Number(values.reps); repetition++) {
    for (const peer of peers) {
      const s = await measure(program, peer, LOADS[name], { warmupMs: 800, measureMs: 2000 })
      console.log(
        peer.padEnd(10),
        `${Math.round(s.delivered / s.serverCpu / 1000)}k/cpu-s  ${Math.round(s.delivered / s.seconds / 1000)}k/s  p50 ${s.p50} p99 ${s.p99}  lost ${s.lost} load ${s.loadShare}`,
      )
    }
  }
}
