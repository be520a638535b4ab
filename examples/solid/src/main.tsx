/** @jsxImportSource solid-js */
import { render } from 'solid-js/web'
import { App } from './app.js'

const root = document.getElementById('app')
if (root) render(() => <App />, root)
