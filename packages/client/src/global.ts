// A <script> tag has no sub-paths to import from.
export { chat } from './chat.js'
export * from './index.js'
