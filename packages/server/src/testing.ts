export { type BackplaneCase, type BackplaneStage, backplaneSuite } from './testing/backplane-suite.js'
export {
  type ClientRuntime,
  Device,
  type DeviceOptions,
  type DeviceSignal,
  type DeviceSocket,
} from './testing/device.js'
export { type ClientEnd, type Host, Link, type LinkHandlers, Network } from './testing/network.js'
export { type ConnectOptions, type ReceivedFrame, TestClient } from './testing/test-client.js'
export {
  createTestServer,
  newNetwork,
  type TestServer,
  type TestSurroundings,
} from './testing/test-server.js'
export { VirtualClock } from './testing/virtual-clock.js'
