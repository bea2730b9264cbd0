import { EventEmitter, once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'

/**
 * A bare MQTT 3.1.1 client for tests: it sends any bytes, well formed or not, and never answers by itself.
 */
export class RawClient {
  readonly socket: Duplex
  /** Packets received and not yet taken, oldest first. */
  readonly inbox: RawPacket[] = []
  /** Resolves when the connection is gone, however it ended. */
  readonly closed: Promise<void>
  readonly #arrivals = new EventEmitter()

  /** Opens a TCP connection; nothing is sent. */
  static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connectTcp({ port, host, noDelay: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Opens, sends CONNECT and resolves with the client and the return code of CONNACK. */
  static async connect(port: number, options: ConnectOptions): Promise<{ client: RawClient; code: number }> {
    const client = await RawClient.open(port)
    client.send(connect(options))
    const connack = await client.take(CONNACK)
    return { client, code: connack.body[1]! }
  }

  constructor(socket: Duplex) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    socket.on(
      'data',
      packetReader((packet) => {
        this.inbox.push(packet)
        this.#arrivals.emit('packet')
      }),
    )
    socket.once('close', () => this.#arrivals.emit('packet'))
  }

  send(...packets: Uint8Array[]): void {
    this.socket.write(Buffer.concat(packets))
  }

  /** Takes the oldest packet of `type`, waiting for it; rejects if the connection ends first. */
  async take(type: number): Promise<RawPacket> {
    for (;;) {
      const i = this.inbox.findIndex((packet) => packet.type === type)
      if (i >= 0) return this.inbox.splice(i, 1)[0]!
      if (this.socket.closed) throw new Error(`connection closed while waiting for packet type ${type}`)
      await once(this.#arrivals, 'packet')
    }
  }

  /** Takes the oldest PUBLISH and acknowledges it: mosquitto sends no more than 20 that are not. */
  async takeMessage(): Promise<ReturnType<typeof message>> {
    const packet = await this.take(PUBLISH)
    const end = 2 + packet.body.readUInt16BE(0)
    if (((packet.flags >> 1) & 3) === 1) this.send(Buffer.from([0x40, 2]), packet.body.subarray(end, end + 2))
    return message(packet)
  }

  /** Subscribes with QoS 1; resolves with the granted codes. */
  async subscribe(...filters: Text[]): Promise<number[]> {
    this.send(subscribe(filters))
    return [...(await this.take(SUBACK)).body.subarray(2)]
  }

  /** Publishes with QoS 1 and waits for PUBACK. */
  async publish(topic: Text, payload: Text = 'x', retain = false): Promise<void> {
    this.send(publish(topic, payload, { qos: 1, retain }))
    await this.take(PUBACK)
  }

  /** A round trip: the broker is alive and has read everything sent before. */
  async ping(): Promise<void> {
    this.send(Buffer.from([0xc0, 0]))
    await this.take(PINGRESP)
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** Takes bytes as they come and passes on each packet (2.2) that is complete. */
export function packetReader(onPacket: (packet: RawPacket) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data])
    for (;;) {
      let length = 0
      let i = 1
      for (let shift = 0; ; shift += 7) {
        const byte = rest[i++]
        if (byte === undefined) return
        length += (byte & 0x7f) << shift
        if ((byte & 0x80) === 0) break
      }
      if (rest.length < i + length) return
      const first = rest[0]!
      const body = rest.subarray(i, i + length)
      rest = rest.subarray(i + length)
      onPacket({ type: first >> 4, flags: first & 0xf, body })
    }
  }
}

export interface RawPacket {
  readonly type: number
  readonly flags: number
  readonly body: Buffer
}

export type Text = string | Uint8Array

export interface ConnectOptions {
  readonly clientId: Text
  readonly username?: string
  readonly password?: string
  readonly clean?: boolean
  readonly keepalive?: number
  readonly protocolLevel?: number
  readonly will?: { readonly topic: Text; readonly payload: Text; readonly retain?: boolean }
}

export const CONNECT = 1
export const CONNACK = 2
export const PUBLISH = 3
export const PUBACK = 4
export const SUBACK = 9
export const PINGRESP = 13

/** CONNECT (3.1). */
export function connect(options: ConnectOptions): Buffer {
  const { will, username, password } = options
  const flags =
    (username === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40) |
    (will ? 0x04 | (will.retain ? 0x20 : 0) : 0) |
    ((options.clean ?? true) ? 0x02 : 0)
  const keepalive = options.keepalive ?? 0
  return frame(0x10, [
    field('MQTT'),
    Buffer.from([options.protocolLevel ?? 4, flags, keepalive >> 8, keepalive & 0xff]),
    // MQTT 5 has a length of properties here
    Buffer.alloc(options.protocolLevel === 5 ? 1 : 0),
    field(options.clientId),
    ...(will ? [field(will.topic), field(will.payload)] : []),
    ...(username === undefined ? [] : [field(username)]),
    ...(password === undefined ? [] : [field(password)]),
  ])
}

/** PUBLISH (3.3) with packet identifier 1 when QoS > 0. */
export function publish(topic: Text, payload: Text, options: { qos?: 0 | 1; retain?: boolean } = {}): Buffer {
  const qos = options.qos ?? 0
  const id = qos > 0 ? [Buffer.from([0, 1])] : []
  return frame(0x30 | (qos << 1) | (options.retain ? 1 : 0), [field(topic), ...id, Buffer.from(payload)])
}

/** SUBSCRIBE (3.8) with packet identifier 2, QoS 1 each. */
export function subscribe(filters: readonly Text[]): Buffer {
  return frame(0x82, [Buffer.from([0, 2]), ...filters.flatMap((filter) => [field(filter), Buffer.from([1])])])
}

/** A received PUBLISH, decoded. */
export function message(packet: RawPacket): { topic: string; payload: string; retain: boolean } {
  const { topic, payload, retain } = bytesMessage(packet)
  return { topic, payload: payload.toString('utf8'), retain }
}

/** A received PUBLISH, its payload as bytes. */
export function bytesMessage({ flags, body }: RawPacket): {
  topic: string
  payload: Buffer
  qos: number
  retain: boolean
} {
  const end = 2 + body.readUInt16BE(0)
  const qos = (flags >> 1) & 3
  const payload = body.subarray(qos > 0 ? end + 2 : end)
  return { topic: body.toString('utf8', 2, end), payload, qos, retain: (flags & 1) === 1 }
}

/** Fixed header (2.2) and body. */
export function frame(first: number, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([header(first, length), ...parts])
}

/** Fixed header alone, for bodies that never come. */
export function header(first: number, length: number): Buffer {
  const bytes = [first]
  let left = length
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
    left >>= 7
  } while (left > 0)
  return Buffer.from(bytes)
}

function field(text: Text): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}
