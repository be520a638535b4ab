/** What Vue's own compiler would tell of a component. */
declare module '*.vue' {
  import type { Component } from 'vue'

  const component: Component
  export default component
}
