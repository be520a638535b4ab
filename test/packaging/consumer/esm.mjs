import { createClient } from '@roomful/client'
import { createServer } from '@roomful/server'
import { WebSocket } from 'ws'
import roundtrip from './roundtrip.cjs'

await roundtrip({ createServer, createClient, WebSocket })
