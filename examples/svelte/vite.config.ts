import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [svelte()],
  // `npm run dev` serves the pages itself, and gets the rooms from the server that `npm start` started.
  server: { proxy: { '/ws': { target: 'http://127.0.0.1:3012', ws: true } } },
})
