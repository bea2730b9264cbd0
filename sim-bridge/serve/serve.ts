import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Config } from '../../schemas/config.ts'
import { ExitError } from '../../schemas/exit.ts'
import { maxRequestBytes, type ServeHello, type ServeReply } from '../../schemas/serve.ts'
import { type Setting, timeGapRange } from '../../schemas/setting.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import { formatVersion } from '../../schemas/validator.ts'
import { observationNames } from '../observation.ts'
import type { World } from '../world.ts'
import { openWorld } from '../worlds.ts'
import { featuresOf, type View } from './decisions.ts'
import { Lines } from './lines.ts'
import { createSession, refusal, type Session } from './session.ts'

export interface ServeOptions {
  readonly config: Config
  readonly software: string
  /** Clients at a time; further ones are told `full` and let go. 64 if not given. */
  readonly maxClients?: number
  /** Monotonic milliseconds, by which `tick` reckons `config.idleTimeoutS`; without it clients may be silent for ever. */
  readonly now?: () => number
  /** Told of a client that had to be let go because of a defect of ours. */
  readonly onFailure?: (error: unknown) => void
}

export interface WorldServer {
  readonly host: string
  readonly port: number
  readonly clients: number
  /** Bytes of answers that clients have left unread so far, kept in this process. */
  readonly unread: number
  /** Lets clients go that have been silent for too long; call it now and then. */
  tick(): void
  /** Lets all clients go and closes their worlds. */
  close(): Promise<void>
}

interface Client {
  readonly served: Promise<void>
  readonly silence: Silence
}

/** Since when a client has been silent, by the server's clock; undefined while an answer is computed. */
interface Silence {
  since: number | undefined
}

/**
 * Serves worlds to other programs over TCP, one per connection, as newline-delimited JSON (docs/serve.md). Rejects with
 * ExitError where the world cannot be opened or the address not be listened on.
 */
export async function serveWorlds({
  config,
  software,
  maxClients = 64,
  now = () => 0,
  onFailure,
}: ServeOptions): Promise<WorldServer> {
  servedView(settingOf(config))
  const first = await openWorld(config)
  // The world that the hello was read off serves the first client that asks.
  let spare: World | undefined = first
  const hello = helloOf(first, config, software)
  const open = async (): Promise<World> => {
    const world = spare
    spare = undefined
    return world ?? openWorld(config)
  }
  const clients = new Map<Socket, Client>()
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
    // What breaks a connection shows as its end.
    socket.on('error', () => {})
    if (clients.size >= maxClients) {
      const full = refusal('full', `at most ${maxClients} clients are served at a time, got one more`)
      letGo(socket, full)
      return
    }
    const silence: Silence = { since: now() }
    const served = serve(socket, createSession(hello, open), { hello, silence, now })
      .catch((error: unknown) => onFailure?.(error))
      .finally(() => clients.delete(socket))
    clients.set(socket, { served, silence })
  })
  try {
    await listen(server, config)
  } catch (error) {
    await first.close()
    throw error
  }
  const address = server.address()
  return {
    host: config.host,
    port: address !== null && typeof address === 'object' ? address.port : config.port,
    get clients() {
      return clients.size
    },
    get unread() {
      let bytes = 0
      for (const socket of clients.keys()) bytes += socket.writableLength
      return bytes
    },
    tick() {
      const { idleTimeoutS } = config
      for (const [socket, { silence }] of clients) {
        if (idleTimeoutS === 0 || silence.since === undefined) continue
        if (now() - silence.since <= 1_000 * idleTimeoutS) continue
        silence.since = undefined
        letGo(socket, refusal('idle', `a client must send something within ${idleTimeoutS} s, got nothing`))
      }
    },
    async close() {
      server.close()
      for (const socket of clients.keys()) socket.destroy()
      await Promise.all([...clients.values()].map(({ served }) => served))
      await spare?.close()
    },
  }
}

async function listen(server: Server, { host, port }: Config): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw new ExitError('usage', `cannot listen on ${host}:${port}: ${(error as Error).message}`)
  }
}

/**
 * Answers a client's requests one after the other until it goes. Nothing is read while an answer is under way or unread,
 * so a client that does not read its answers stops its own requests and costs no memory.
 */
async function serve(
  socket: Socket,
  session: Session,
  { hello, silence, now }: { readonly hello: ServeHello; readonly silence: Silence; readonly now: () => number },
): Promise<void> {
  const lines = new Lines(maxRequestBytes)
  try {
    await send(socket, hello)
    for await (const chunk of socket) {
      silence.since = now()
      for (const line of lines.push(chunk)) {
        if (socket.destroyed) return
        silence.since = undefined
        const reply = await session.answer(line)
        silence.since = now()
        await send(socket, reply)
      }
    }
  } catch (error) {
    // A connection that broke is no failure of ours.
    if (!socket.destroyed) throw error
  } finally {
    socket.destroy()
    await session.close()
  }
}

/** Says why and closes; a client that does not read what it was sent before is closed without a word. */
function letGo(socket: Socket, reason: ServeReply): void {
  if (socket.writableLength > 0) socket.destroy()
  else socket.end(`${JSON.stringify(reason)}\n`, () => socket.destroy())
}

async function send(socket: Socket, reply: ServeReply): Promise<void> {
  if (socket.write(`${JSON.stringify(reply)}\n`) || socket.destroyed) return
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle)
      socket.off('close', settle)
      resolve()
    }
    socket.on('drain', settle)
    socket.on('close', settle)
  })
}

function helloOf(world: World, config: Config, software: string): ServeHello {
  const { preset } = config
  const setting = settingOf(config)
  const { loopLength, speedLimit, accelerationLimit, stepLength, epochSteps, vehicles } = world
  const views = ['sensed', 'raw', 'gaps'] as const
  return {
    version: formatVersion,
    kind: 'hello',
    software,
    agents: vehicles.filter((_, i) => world.learner[i]),
    vehicles: [...vehicles],
    preset,
    reward: setting.reward,
    stepLength,
    epochSteps,
    loopLength,
    speedLimit,
    accelerationLimit,
    timeGaps: [...timeGapRange[preset]],
    observations: Object.fromEntries(views.map((view) => [view, spaceOf(world, preset, view)])),
    defaults: { ...servedView(setting), decisionSteps: 1 },
    maxRequestBytes,
  }
}

/** What clients see and do unless they ask for something else; ExitError 2 where the setting's is not served. */
function servedView({ observation, action }: Setting): View {
  if (observation === 'relative')
    throw new ExitError('usage', `--observation must be gaps or raw with --serve, got ${observation}`)
  if (action === 'gapLaw' || action === 'meshLaw')
    throw new ExitError('usage', `--action must be timeGap or acceleration with --serve, got ${action}`)
  return { observation, action }
}

/** Names of an observation's values and the bounds that none of them leaves, read off the features at both ends. */
function spaceOf(
  world: World,
  preset: 'flow' | 'lab',
  view: 'sensed' | 'raw' | 'gaps',
): ServeHello['observations'][string] {
  const { loopLength, speedLimit } = world
  const ends = [0, 1].map((end) => {
    const length = end * loopLength
    const speed = end * speedLimit
    return {
      ...{ position: length, leaderPosition: length, followerPosition: length, gap: length, followerGap: length },
      ...{ speed, leaderSpeed: speed, followerSpeed: speed },
    }
  })
  const features = featuresOf(world, preset, { observation: view, action: 'acceleration' })
  const names = view === 'sensed' ? observationNames : features.observationNames
  const [low, high] = ends.map((sensed) => {
    if (view === 'sensed') return Float32Array.from(observationNames, (name) => sensed[name])
    const row = new Float32Array(names.length)
    features.encode(sensed, row)
    return row
  })
  return { names: [...names], low: Array.from(low ?? []), high: Array.from(high ?? []) }
}
