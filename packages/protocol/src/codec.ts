export * from './codec/decode-client-message.js'
