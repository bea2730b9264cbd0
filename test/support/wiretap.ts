import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import type { Role } from '../../broker/access.ts'
import { type Broker, highWaterMark } from '../../broker/broker.ts'
import type { Certified } from '../../broker/certificate.ts'
import { bridgeId } from '../../sim-bridge/cli.ts'
import { bytesMessage, CONNECT, frame, PUBLISH, packetReader, type RawPacket } from './mqtt-raw.ts'

/** A PUBLISH as it passed; `toBroker` by whoever published it, else on its way to a reader. */
export interface Overheard extends ReturnType<typeof bytesMessage> {
  readonly client: string
  readonly role: Role
  readonly toBroker: boolean
}

export interface Wiretap {
  /** Where everybody connects. */
  readonly url: string
  /** Everything so far, oldest first. */
  readonly overheard: readonly Overheard[]
  /** Resolves when `rule` holds, now or after a message. */
  until(rule: () => boolean): Promise<void>
  /** Loses the next message on its way to a reader that `which` holds for. */
  lose(which: (message: Overheard) => boolean): void
}

/**
 * A listener before a broker that reads every byte both ways, which no client may. It takes a client at its word: the id says
 * who it is, as a certificate would, and the broker's rules apply to that.
 */
export async function startWiretap(t: Test, broker: Broker): Promise<Wiretap> {
  const overheard: Overheard[] = []
  const waiting = new Set<() => void>()
  const lost: ((message: Overheard) => boolean)[] = []
  const sockets = new Set<Socket>()

  /** Notes a packet; false where it is to be lost. */
  const hear = (packet: RawPacket, client: string, toBroker: boolean): boolean => {
    if (packet.type !== PUBLISH) return true
    const message = { ...bytesMessage(packet), client, role: roleOf(client), toBroker }
    const losing = toBroker ? -1 : lost.findIndex((which) => which(message))
    if (losing >= 0) {
      lost.splice(losing, 1)
      return false
    }
    overheard.push(message)
    for (const look of waiting) look()
    return true
  }

  const inside = await startInside(t, broker)
  const server = createServer({ noDelay: true, highWaterMark }, (socket) => {
    sockets.add(socket)
    let near: Socket | undefined
    let client = ''
    const fromClient = packetReader((packet) => {
      if (packet.type === CONNECT && !near) {
        client = clientIdOf(packet)
        near = inside({ role: roleOf(client), id: client, serial: '' })
        const fromBroker = packetReader((answer) => hear(answer, client, false) && passOn(answer, socket))
        near.on('data', fromBroker)
        tie(near, socket)
      }
      if (near && hear(packet, client, true)) passOn(packet, near)
    })
    socket.on('data', fromClient)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as { port: number }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    overheard,
    until: (rule) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!rule()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    lose: (which) => void lost.push(which),
  }
}

/** Opens connections to the broker under an identity that the broker takes from here. */
async function startInside(t: Test, broker: Broker): Promise<(certified: Certified) => Socket> {
  const [asked, arrived] = [new Map<number, Certified>(), new Map<number, Socket>()]
  const join = (port: number): void => {
    const [certified, far] = [asked.get(port), arrived.get(port)]
    if (!certified || !far) return
    asked.delete(port)
    arrived.delete(port)
    broker.handle(far, { address: 'wiretap', loopback: true, certified })
  }
  // Nothing may be read before the broker does.
  const server = createServer({ noDelay: true, highWaterMark, pauseOnConnect: true }, (far) => {
    arrived.set(far.remotePort ?? 0, far)
    join(far.remotePort ?? 0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  return (certified) => {
    const near = connectTcp({ port, host: '127.0.0.1', noDelay: true })
    near.once('connect', () => {
      asked.set(near.localPort ?? 0, certified)
      join(near.localPort ?? 0)
    })
    return near
  }
}

/** Where one end is gone, the other goes. */
function tie(near: Socket, socket: Socket): void {
  near.on('error', () => {})
  near.once('close', () => socket.destroy())
  socket.once('close', () => near.destroy())
}

function passOn({ type, flags, body }: RawPacket, to: Socket): void {
  to.write(frame((type << 4) | flags, [body]))
}

/** CONNECT (3.1): ten bytes, then the client id. */
function clientIdOf({ body }: RawPacket): string {
  return body.toString('utf8', 12, 12 + body.readUInt16BE(10))
}

/** `car01` is a device; a client that no role is named after, a monitor; `trustmix command` speaks for an operator. */
function roleOf(client: string): Role {
  if (/^car\d+$/.test(client)) return 'device'
  if (client.startsWith('command-')) return 'operator'
  if (client === bridgeId) return 'bridge'
  return (['aggregator', 'operator', 'root'] as const).find((role) => role === client) ?? 'monitor'
}
