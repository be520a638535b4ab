import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [vue()],
  // `npm run dev` serves the pages itself, and gets the rooms from the server that `npm start` started.
  server: { proxy: { '/ws': { target: 'http://127.0.0.1:3011', ws: true } } },
})
