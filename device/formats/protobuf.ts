/**
 * The wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), as much of it as an ONNX file of a small
 * network needs: varints, length-delimited fields and, to read, fixed 32 and 64 bits.
 */

/** A field to write: its number and a whole number from 0, a text, or bytes (a nested message or raw values). */
export type Field = readonly [number: number, value: number | string | Uint8Array]

/** A decoded message: the values of every field number in the order found; a nested message is its bytes. */
export type Message = ReadonlyMap<number, readonly (number | Uint8Array)[]>

/** Of one message; a policy needs a few dozen, and 64 MiB of two-byte fields would take gigabytes. */
const MAX_FIELDS = 10_000

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** Writes fields in the order given. */
export function encodeMessage(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [number, value] of fields) {
    if (typeof value === 'number') {
      parts.push(varint(number * 8 + VARINT), varint(value))
    } else {
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
      parts.push(varint(number * 8 + LENGTH_DELIMITED), varint(bytes.length), bytes)
    }
  }
  return Buffer.concat(parts)
}

/**
 * Reads one message; nested ones are left as bytes (views). Throws an Error that names the rule broken and the byte where
 * the input is cut or is no message.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const message = new Map<number, (number | Uint8Array)[]>()
  let at = 0
  for (let count = 0; at < bytes.length; count++) {
    if (count === MAX_FIELDS) throw new Error(`protobuf message must have at most ${MAX_FIELDS} fields, got more`)
    const start = at
    const key = readVarint()
    const number = Math.floor(key / 8)
    const wire = key - 8 * number
    if (!(number >= 1 && number <= 0x1fffffff))
      throw new Error(`protobuf field at byte ${start} must be numbered 1…536870911, got ${number}`)
    const values = message.get(number) ?? []
    message.set(number, values)
    if (wire === VARINT) values.push(readVarint())
    else if (wire === FIXED64) values.push(view.getFloat64(advance(8), true))
    else if (wire === FIXED32) values.push(view.getFloat32(advance(4), true))
    else if (wire === LENGTH_DELIMITED) {
      const length = readVarint()
      const from = advance(length)
      values.push(bytes.subarray(from, from + length))
    } else throw new Error(`protobuf field at byte ${start} must have wire type 0, 1, 2 or 5, got ${wire}`)
  }
  return message

  function advance(length: number): number {
    const left = bytes.length - at
    if (!(length >= 0 && length <= left))
      throw new Error(`protobuf field at byte ${at} must have at most ${left} bytes, got ${length}`)
    at += length
    return at - length
  }

  /** A varint as a signed 64-bit integer; one beyond 2^53 loses digits, and no field that is used is as large. */
  function readVarint(): number {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = view.getUint8(advance(1))
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw new Error(`protobuf varint before byte ${at} must end within 10 bytes, got more`)
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
