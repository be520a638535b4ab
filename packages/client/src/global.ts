// A <script> tag has no sub-paths to import from.
export { chat, profiles, watch } from './chat.js'
export * from './index.js'
