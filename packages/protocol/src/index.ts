export * from './codec.js'
export * from './define-protocol.js'
export * from './schemas.js'
export * from './wire.js'
