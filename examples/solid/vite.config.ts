import { defineConfig } from 'vite'
import solid from 'vite-plugin-solid'

export default defineConfig({
  plugins: [solid()],
  // `npm run dev` serves the pages itself, and gets the rooms from the server that `npm start` started.
  server: { proxy: { '/ws': { target: 'http://127.0.0.1:3013', ws: true } } },
})
