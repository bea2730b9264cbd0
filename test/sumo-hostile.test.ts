import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { startSumoClient } from '../sim-bridge/sumo/client.ts'
import { SumoError, SumoLostError } from '../sim-bridge/sumo/errors.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

t.test('what waits at a port must be a SUMO that is new enough', async (t) => {
  const version = (api: string, response = '00') =>
    `0000001c 07 00 00 00000000 11 ${response} ${api} 00000007 53554d4f206f6c`
  const answers: [answer: string | undefined, message: RegExp][] = [
    [version('00000013'), /must speak TraCI 20 or newer, got 19 \(SUMO ol\): install SUMO 1.15 or newer/],
    [version('00000014', '01'), /must answer the question for its version \(0\), got 1/],
    ['0000000b 07 00 ff 00000000', /refused the command "version"/],
    ['0000000b 07 02 00 00000000', /in the order of the commands: 0 \(version\), got 2/],
    ['00000006 07 00', /must hold what it announces/],
    [Buffer.from('HTTP/1.1 400 Bad Request').toString('hex'), /must have 4 to 16777216 bytes, got 1213486160/],
    [undefined, /must stay open, but SUMO closed it/],
  ]
  for (const [answer, message] of answers) {
    const listener = createServer((socket) => {
      socket.on('error', () => {})
      if (answer === undefined) socket.end()
      else socket.once('data', () => socket.write(hex(answer)))
    }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const refusal = await startSumoClient({ binary: 'sumo', port, gui: false, sumoArguments: [] }).catch(
      (error: unknown) => error,
    )
    listener.close()
    t.type(refusal, SumoError)
    t.match(refusal, { message: new RegExp(`^a SUMO must wait at port ${port}, got: `) })
    t.match(refusal, { message })
  }
})

t.test('a SUMO that breaks the protocol later is told from one that is gone', async (t) => {
  const hello = '0000001c 07 00 00 00000000 11 00 00000014 00000007 53554d4f206f6b'
  const replies = [hello, '0000000b 07 01 00 00000000', '0000000c 07 01 00 00000000 2a', '00000003']
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      const reply = replies.shift()
      if (reply === undefined) socket.end()
      else socket.write(hex(reply))
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  const { port } = listener.address() as AddressInfo
  const client = await startSumoClient({ binary: 'sumo', port, gui: false, sumoArguments: [] })
  t.equal(client.version, 'SUMO ok')
  t.equal(client.processId, undefined)
  await client.load()
  await t.rejects(client.load(), new SumoError('a TraCI message must end with the last answer, got 1 bytes more'))
  await t.rejects(client.load(), /must have 4 to 16777216 bytes, got 3/)
  replies.push(hello)
  await t.rejects(client.load(), SumoLostError, 'connected again, and closed before the answer')
  await client.close()
})
