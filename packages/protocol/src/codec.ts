export * from './codec/decode-client-message.js'
export { type ContentFault, inspectContent } from './codec/frame.js'
export { toIssues } from './codec/validate.js'
export { isTraceparent } from './messages/traceparent.js'
