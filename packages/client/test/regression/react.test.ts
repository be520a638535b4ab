import { createElement, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Client, createClient } from '../../src/index.js'
import { useClient } from '../../src/react.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('a client that was made while rendering, and that no component came to use, is closed', () => {
  const clients: Client[] = []
  const neverOpens = () => ({ send: () => false, close: () => {} })
  const App = () => {
    useClient(() => {
      const client = createClient({ url: 'ws://test', session: 'memory' }, { connect: neverOpens })
      clients.push(client)
      return client
    })
    return null
  }
  renderToString(createElement(StrictMode, null, createElement(App)))
  expect(clients.map(({ status }) => status.get().state)).toContain('dialing')
  vi.advanceTimersByTime(60_000)
  expect(clients.map(({ status }) => status.get().state)).toEqual(clients.map(() => 'closed'))
})
