import t from 'tap'
import { maxRequestBytes } from '../schemas/serve.ts'
import { Lines } from '../sim-bridge/serve/lines.ts'
import { rawServeClient, serveClient, serverOf } from './support/serve-client.ts'

t.test('messages that are too long, in pieces, or many at once', async (t) => {
  const { port } = await serverOf(t, { learners: 1 })
  const client = await serveClient(port)
  const fitting = JSON.stringify({ kind: 'reset', seed: 1 }).padEnd(maxRequestBytes - 1)
  client.write(`${fitting}\n${fitting} \n`)
  t.match(await client.next(), { kind: 'transition' }, 'the longest line that is allowed')
  const detail = `a request must have at most ${maxRequestBytes} bytes, got ${maxRequestBytes + 1} and more`
  t.match(await client.next(), { kind: 'error', reason: 'too-large', detail })
  client.write(Buffer.alloc(5_000_000, 'x'))
  t.match(await client.next(), { kind: 'error', reason: 'too-large' }, 'said before the line has ended')
  client.write('x\n{"kind":"st')
  client.write('ep","actions":[0.5]}\n')
  t.match(await client.next(), { kind: 'transition', info: { step: 1 } }, 'its rest is skipped, halves are joined')
  client.write('{"kind":"step","actions":[0.5]}\n'.repeat(200))
  for (let k = 2; k <= 201; k++) t.match(await client.next(), { info: { step: k } })
  client.write('{"kind":"step","actions":')
  client.socket.end()
  t.equal(await client.next(), undefined, 'half a message at the end is dropped')
})

t.test(
  'a client that does not read its answers is not answered further, and gets all of them when it reads',
  async (t) => {
    const server = await serverOf(t, { learners: 14 })
    const flood = await serveClient(server.port)
    flood.socket.pause()
    const requests = 20_000
    flood.write('{"kind":"reset","seed":1,"options":{"observation":"sensed"}}\n'.repeat(requests))
    const other = await serveClient(server.port)
    let most = 0
    for (let k = 0; k < 300; k++) {
      await other.transition({ kind: 'reset', seed: k })
      most = Math.max(most, server.unread)
    }
    const answer = JSON.stringify(
      await other.transition({ kind: 'reset', seed: 1, options: { observation: 'sensed' } }),
    )
    t.ok(requests * answer.length > 20_000_000, 'the kernel cannot hold the answers')
    t.ok(most > 0 && most < 100_000, `${most} bytes were kept`)
    flood.socket.resume()
    for (let k = 0; k < requests; k++) if (JSON.stringify(await flood.next()) !== answer) t.fail(`answer ${k} differs`)
    for (const { close } of [flood, other]) close()
  },
)

t.test('200 clients: those beyond the limit are told so, and a place that becomes free is taken again', async (t) => {
  const server = await serverOf(t, { learners: 1 }, { maxClients: 50 })
  const clients = await Promise.all(Array.from({ length: 200 }, () => rawServeClient(server.port)))
  const said = await Promise.all(clients.map(async (client) => ({ client, reply: await client.next() })))
  const served = said.filter(({ reply }) => reply?.kind === 'hello')
  const full = said.filter(({ reply }) => reply?.kind === 'error' && reply.reason === 'full')
  t.same([served.length, full.length, server.clients], [50, 150, 50])
  for (const { client } of full) t.equal(await client.next(), undefined)
  const resets = served.map(({ client }, seed) => client.transition({ kind: 'reset', seed }))
  t.equal((await Promise.all(resets)).length, 50, 'each of them has a world')
  const [first] = served
  first?.client.close()
  let again = await rawServeClient(server.port)
  while ((await again.next())?.kind !== 'hello') again = await rawServeClient(server.port)
  t.match(await again.ask({ kind: 'reset', seed: 1 }), { kind: 'transition' })
  for (const client of [...clients, again]) client.close()
})

t.test('lines are cut wherever the chunks end, and nothing of a long one is kept', (t) => {
  const text = 'one\n\ntwo three\nfour'
  for (let size = 1; size <= text.length; size++) {
    const lines = new Lines(8)
    const found = []
    for (let i = 0; i < text.length; i += size) found.push(...lines.push(Buffer.from(text.slice(i, i + size))))
    const [first, second, long, ...more] = found
    t.same([first, second, more], [{ text: 'one' }, { text: '' }, []], `chunks of ${size}`)
    t.ok(long !== undefined && 'bytes' in long && long.bytes > 8)
    t.same([...lines.push(Buffer.from('\n'))], [{ text: 'four' }])
  }
  t.end()
})

t.test('a client that is silent for too long is told so and let go; one that is served is not', async (t) => {
  let time = 0
  const server = await serverOf(t, { learners: 1, idleTimeoutS: 5 }, { now: () => time, maxClients: 2 })
  const after = (ms: number): void => {
    time += ms
    server.tick()
  }
  const [silent, talking] = [await serveClient(server.port), await serveClient(server.port)]
  after(5_000)
  await talking.transition({ kind: 'reset', seed: 1 })
  t.equal(server.clients, 2, 'five seconds are not more than five')
  after(1)
  const detail = 'a client must send something within 5 s, got nothing'
  t.match(await silent.next(), { kind: 'error', reason: 'idle', detail })
  t.equal(await silent.next(), undefined)
  t.match(await talking.ask({ kind: 'step', actions: [0] }), { kind: 'transition' })
  const next = await serveClient(server.port)
  t.ok(next.hello, 'the place is free again')
  after(5_001)
  for (const client of [talking, next]) t.match(await client.next(), { kind: 'error', reason: 'idle' })
})

t.test(
  'a client that does not read what it was sent is let go without a word; without a limit nobody is',
  async (t) => {
    let time = 0
    for (const idleTimeoutS of [5, 0]) {
      const server = await serverOf(t, { learners: 14, idleTimeoutS }, { now: () => time })
      const flood = await serveClient(server.port)
      flood.socket.pause()
      flood.write('{"kind":"reset","seed":1}\n'.repeat(20_000))
      const other = await serveClient(server.port)
      while (server.unread === 0) await other.transition({ kind: 'reset', seed: 2 })
      // Nothing more is answered now, since nothing is read.
      for (let last = -1; last !== server.unread; ) {
        last = server.unread
        // Longer than an acknowledgement may be put off.
        for (const begin = performance.now(); performance.now() - begin < 200; )
          await other.transition({ kind: 'reset', seed: 2 })
      }
      time += 1_000_000
      await other.transition({ kind: 'reset', seed: 2 })
      server.tick()
      await other.transition({ kind: 'reset', seed: 2 })
      t.equal(server.clients, idleTimeoutS === 0 ? 2 : 1)
      for (const { close } of [flood, other]) close()
    }
  },
)
