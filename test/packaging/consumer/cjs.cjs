const { createClient } = require('@roomful/client')
const { createServer } = require('@roomful/server')
const { WebSocket } = require('ws')
const roundtrip = require('./roundtrip.cjs')

roundtrip({ createServer, createClient, WebSocket })
