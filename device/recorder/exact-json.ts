import { createHash } from 'node:crypto'

/**
 * A value as JSON that loses no bit: arrays of numbers become `{f32|f64|u8: base64}` of their little-endian bytes, numbers
 * that JSON does not know (NaN, ±Infinity, −0) become `{number: "-0"}`; what is undefined is left out.
 */
export function toExactJson(value: unknown): unknown {
  if (typeof value === 'number') return isPlain(value) ? value : { number: Object.is(value, -0) ? '-0' : String(value) }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(toExactJson)
  const kind = kindOf(value)
  if (kind) return { [kind]: base64Of(value as Float32Array) }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (part === undefined ? [] : [[key, toExactJson(part)]])),
  )
}

/** The value again. */
export function fromExactJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map(fromExactJson)
  const [only, ...others] = Object.entries(json)
  if (only && others.length === 0 && typeof only[1] === 'string') {
    const [key, text] = only
    if (key === 'number') return Number(text)
    if (key === 'f32') return new Float32Array(bufferOf(text))
    if (key === 'f64') return new Float64Array(bufferOf(text))
    if (key === 'u8') return new Uint8Array(bufferOf(text))
  }
  return Object.fromEntries(Object.entries(json).map(([key, part]) => [key, fromExactJson(part)]))
}

/** SHA-256 over the bytes of the arrays of numbers in a value and the exact JSON of the rest, in order. */
export function exactDigest(value: unknown): string {
  const digest = createHash('sha256')
  const absorb = (part: unknown): void => {
    if (typeof part === 'object' && part !== null && kindOf(part)) digest.update(bytesOf(part as Float32Array))
    else if (typeof part === 'object' && part !== null)
      for (const [key, inner] of Object.entries(part)) {
        digest.update(`${key}:`)
        absorb(inner)
      }
    else digest.update(`${JSON.stringify(toExactJson(part))};`)
  }
  absorb(value)
  return digest.digest('hex')
}

/** Numbers as base64 of little-endian float64. */
export function bitsOf(numbers: readonly number[]): string {
  return base64Of(Float64Array.from(numbers))
}

/** The numbers of `bitsOf`; throws where the bytes are not whole numbers. */
export function numbersOf(bits: string): Float64Array {
  return new Float64Array(bufferOf(bits))
}

function isPlain(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0)
}

function kindOf(value: object): 'f32' | 'f64' | 'u8' | undefined {
  if (value instanceof Float32Array) return 'f32'
  if (value instanceof Float64Array) return 'f64'
  return value instanceof Uint8Array ? 'u8' : undefined
}

/** Every platform that Node runs on with WebAssembly is little-endian. */
function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Float64Array | Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}

function base64Of(array: Float32Array | Float64Array | Uint8Array): string {
  return bytesOf(array).toString('base64')
}

/** An ArrayBuffer of its own, aligned for every kind of array. */
function bufferOf(base64: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(base64, 'base64')).buffer
}
