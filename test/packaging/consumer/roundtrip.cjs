/** Two clients chat through a server; the caller says how it loaded the packages. Node 20 has no WebSocket of its own. */
module.exports = async function roundtrip({ createServer, createClient, WebSocket }) {
  const server = createServer()
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  const own = globalThis.WebSocket ? {} : { WebSocket }
  const clients = ['ann', 'bob'].map(() => createClient({ url: `ws://127.0.0.1:${port}/`, ...own }))
  try {
    const [ann, bob] = clients.map((client) => client.room('general'))
    const received = new Promise((resolve) => bob.on('chat_message', resolve))
    await Promise.all([ann.join(), bob.join()])
    await ann.send('hello')
    console.log((await received).message)
  } finally {
    for (const client of clients) client.close()
    await server.close({ drainMs: 0 })
  }
}
