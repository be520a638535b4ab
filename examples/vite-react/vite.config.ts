import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  // `npm run dev` serves the pages itself, and gets the rooms from the server that `npm start` started.
  server: { proxy: { '/ws': { target: 'http://127.0.0.1:3010', ws: true } } },
})
