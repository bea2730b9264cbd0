import type { Duplex } from 'node:stream'
import { TokenBucket } from './token-bucket.ts'

/** Limits on the framing of one connection; rates are token buckets that hold two seconds of their rate. */
export interface FramingLimits {
  /** Remaining length of any packet, bytes. */
  readonly packetBytes: number
  /** Remaining length of CONNECT, bytes. */
  readonly connectBytes: number
  readonly rates: Rates
}

export interface Rates {
  /** MQTT packets of any type. */
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
}

export type FramingRefusal =
  | 'not-connect'
  | 'connect-too-large'
  | 'packet-too-large'
  | 'packet-type'
  | 'length-malformed'
  | 'fragmented'
  | 'message-rate'
  | 'byte-rate'

/** Largest packet and CONNECT by default, bytes; rates that one lock-step device cannot reach (8,000 packets a second). */
export const defaultFraming: FramingLimits = {
  packetBytes: 1_048_576,
  connectBytes: 8_192,
  rates: { messagesPerSecond: 20_000, bytesPerSecond: 33_554_432 },
}

/**
 * Puts the framing guard in front of whoever reads `stream`: aedes has no packet limit and buffers what it is sent.
 * Every byte enters a stream through `push`, before it is buffered, so the check sits there: no copy, no second buffer,
 * and back-pressure and the writing half stay the stream's own. A refused chunk is not delivered; the stream is
 * destroyed and `onRefused` called once. `now` is a monotonic clock in ms.
 */
export function guardStream(
  stream: Duplex,
  limits: FramingLimits,
  now: () => number,
  onRefused: (reason: FramingRefusal) => void,
): Framing {
  const framing = new Framing(limits, now())
  const push = stream.push
  stream.push = function guardedPush(this: Duplex, chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk instanceof Uint8Array) {
      const reason = framing.accept(chunk, now())
      if (reason) {
        stream.push = () => false
        onRefused(reason)
        stream.destroy()
        return false
      }
    }
    return push.call(this, chunk, encoding)
  }
  return framing
}

/** Follows the fixed headers of one client's byte stream in constant memory. */
export class Framing {
  readonly #limits: FramingLimits
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  #connected = false
  /** Type of the packet whose header is being read, or 0 between packets. */
  #type = 0
  /** Remaining length so far, and the shift of its next seven bits. */
  #length = 0
  #shift = 0
  /** Bytes of the current packet still to come. */
  #left = 0
  /** Chunks that ended inside the current packet. */
  #pieces = 0

  constructor(limits: FramingLimits, nowMs: number) {
    this.#limits = limits
    this.#messages = new TokenBucket(limits.rates.messagesPerSecond, burstS, nowMs)
    this.#bytes = new TokenBucket(limits.rates.bytesPerSecond, burstS, nowMs)
  }

  /** Replaces the rates, once the role of the client is known. */
  setRates(rates: Rates, nowMs: number): void {
    this.#messages.reset(rates.messagesPerSecond, nowMs)
    this.#bytes.reset(rates.bytesPerSecond, nowMs)
  }

  /** Takes the next bytes as they arrived; after a refusal the connection must be closed. */
  accept(chunk: Uint8Array, nowMs: number): FramingRefusal | undefined {
    if (!this.#bytes.take(chunk.length, nowMs)) return 'byte-rate'
    let packets = 0
    let i = 0
    while (i < chunk.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, chunk.length - i)
        this.#left -= skipped
        i += skipped
        continue
      }
      const byte = chunk[i++]!
      if (this.#type === 0) {
        const refusal = this.#startPacket(byte)
        if (refusal) return refusal
        packets++
        continue
      }
      this.#length += (byte & 0x7f) << this.#shift
      if (byte & 0x80) {
        this.#shift += 7
        if (this.#shift > 21) return 'length-malformed' // four bytes at most (MQTT 3.1.1, 2.2.3)
        continue
      }
      if (this.#type === CONNECT && this.#length > this.#limits.connectBytes) return 'connect-too-large'
      if (this.#length > this.#limits.packetBytes) return 'packet-too-large'
      this.#left = this.#length
      this.#type = 0
    }
    if (!this.#messages.take(packets, nowMs)) return 'message-rate'
    return this.#endsInsidePacket() ? this.#countPiece() : undefined
  }

  #startPacket(first: number): FramingRefusal | undefined {
    // with its reserved flags: the first byte of a TLS hello would pass for a CONNECT without them [MQTT-2.2.2-2]
    if (!this.#connected && first !== CONNECT << 4) return 'not-connect'
    const type = first >> 4
    if (((CLIENT_TYPES >> type) & 1) === 0) return 'packet-type'
    this.#connected = true
    this.#type = type
    this.#length = 0
    this.#shift = 0
    this.#pieces = 0
    return undefined
  }

  #endsInsidePacket(): boolean {
    return this.#left > 0 || this.#type !== 0
  }

  /** The parser keeps one buffer object per piece: a megabyte in single bytes would cost it hundreds. */
  #countPiece(): FramingRefusal | undefined {
    this.#pieces++
    return this.#pieces > 64 + this.#length / 64 ? 'fragmented' : undefined
  }
}

/** Connections open per remote address. */
export class AddressCount {
  readonly #open = new Map<string, number>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Counts one more connection, unless the address is at its limit. */
  enter(address: string): boolean {
    const open = this.#open.get(address) ?? 0
    if (open >= this.#limit) return false
    this.#open.set(address, open + 1)
    return true
  }

  leave(address: string): void {
    const open = this.#open.get(address) ?? 0
    if (open > 1) this.#open.set(address, open - 1)
    else this.#open.delete(address)
  }
}

const CONNECT = 1
/** Seconds of its rate that a bucket holds. */
const burstS = 2
/** Bit per packet type that a client may send: 1, 3–8, 10, 12, 14 (MQTT 3.1.1, table 2.1). */
const CLIENT_TYPES = 0b0101_0101_1111_1010
