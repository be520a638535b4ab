import { createServer } from '@roomful/server'
import type { Plugin } from 'vite'

/** For `plugins` of vite.config.ts: Vite's development server has a WebSocket of its own, on the same port. */
export function roomfulBesideVite(path = '/ws'): Plugin {
  return {
    name: 'roomful',
    configureServer({ httpServer }) {
      const roomful = createServer()
      httpServer?.on('upgrade', (request, socket, head) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost')
        if (pathname === path) roomful.handleUpgrade(request, socket, head)
      })
      httpServer?.on('close', () => void roomful.close())
    },
  }
}
