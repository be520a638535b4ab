// A <script> tag has no sub-paths to import from.
export { chat, watch } from './chat.js'
export * from './index.js'
