import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { type Config, defaultConfig } from '../../schemas/config.ts'
import { type ServeHello, type ServeReply, type ServeTransition, validateServeReply } from '../../schemas/serve.ts'
import { type ServeOptions, serveWorlds, type WorldServer } from '../../sim-bridge/serve/serve.ts'

/** A client of `sim-bridge --serve` that checks every reply against its schema. */
export interface ServeClient {
  readonly socket: Socket
  /** The next line; undefined when the server has closed. */
  next(): Promise<ServeReply | undefined>
  /** Writes a line as it is, its end included. */
  write(text: string | Uint8Array): void
  /** A request and its answer. */
  ask(request: unknown): Promise<ServeReply | undefined>
  /** A request that must be answered with a transition. */
  transition(request: unknown): Promise<ServeTransition>
  close(): void
}

/** Connects; takes the hello unless the server says something else first. */
export async function serveClient(port: number): Promise<ServeClient & { readonly hello: ServeHello }> {
  const client = await rawServeClient(port)
  const hello = await client.next()
  if (hello?.kind !== 'hello') throw new Error(`the first message must be a hello, got ${JSON.stringify(hello)}`)
  return { ...client, hello }
}

/** Connects and takes nothing. */
export async function rawServeClient(port: number): Promise<ServeClient> {
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  socket.on('error', () => {})
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const next = async (): Promise<ServeReply | undefined> => {
    const { done, value } = await lines.next()
    if (done) return undefined
    const validated = validateServeReply(JSON.parse(value))
    if (!validated.ok) throw new Error(`${validated.detail} in ${value}`)
    return validated.value
  }
  const ask = (request: unknown): Promise<ServeReply | undefined> => {
    socket.write(`${JSON.stringify(request)}\n`)
    return next()
  }
  return {
    socket,
    next,
    write: (text) => void socket.write(text),
    ask,
    async transition(request) {
      const reply = await ask(request)
      if (reply?.kind !== 'transition') throw new Error(`a transition must come, got ${JSON.stringify(reply)}`)
      return reply
    },
    close: () => void socket.destroy(),
  }
}

/** A server of worlds that ends with the test, which fails where a client is let go because of a defect. */
export async function serverOf(
  t: Test,
  change: Partial<Config> = {},
  more: Partial<ServeOptions> = {},
): Promise<WorldServer> {
  const config = { ...defaultConfig, ...change }
  const onFailure = (error: unknown) => t.fail(String(error))
  const server = await serveWorlds({ config, software: 'test', onFailure, ...more })
  t.teardown(() => server.close())
  return server
}
