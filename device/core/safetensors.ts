import type { Vector } from './engine.ts'
import type { Layout, Tensor } from './parameters.ts'
import { parseStrictJson } from './strict-json.ts'

/** A decoded or to be encoded file: tensors by name and string metadata. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: ReadonlyMap<string, string>
}

export interface SafetensorsLimits {
  /** Largest header in bytes; the format's own limit by default. */
  readonly maxHeaderBytes?: number
}

const METADATA = '__metadata__'
const MAX_HEADER_BYTES = 100_000_000
const littleEndian = true
const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
// Values are copied as they lie in memory, which is the format's order on every platform with WebAssembly.
if (new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1) throw new Error('the processor must be little-endian')

/**
 * Reads a safetensors file of F32 and F64 tensors: u64 header length, JSON header, values. Strict as the format's specification:
 * offsets contiguous from 0 and covering all bytes, no name twice. Data are copies, so any alignment of `bytes` will do.
 * Throws an Error that names the rule broken and the value found.
 */
export function decodeSafetensors(bytes: Uint8Array, limits: SafetensorsLimits = {}): SafetensorsFile {
  const maxHeaderBytes = limits.maxHeaderBytes ?? MAX_HEADER_BYTES
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 8) throw new Error(`file must hold at least 8 bytes, got ${bytes.length}`)
  // The length is compared as a 64-bit integer before any use as a number or an offset.
  const declared = view.getBigUint64(0, littleEndian)
  const limit = Math.min(maxHeaderBytes, bytes.length - 8)
  if (declared > BigInt(limit)) throw new Error(`header length must be at most ${limit}, got ${declared}`)
  const headerBytes = Number(declared)
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes))
  const dataStart = 8 + headerBytes
  const dataBytes = bytes.length - dataStart

  const metadata = new Map<string, string>()
  const entries: ({ name: string } & Entry)[] = []
  for (const [name, entry] of header) {
    if (name === METADATA) readMetadata(entry, metadata)
    else entries.push({ name, ...readEntry(name, entry) })
  }

  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let reached = 0
  for (const { name, begin, end } of entries) {
    if (begin !== reached) throw new Error(`${quoted(name)} must begin at byte ${reached} of the data, got ${begin}`)
    if (end > dataBytes) throw new Error(`${quoted(name)} must end within ${dataBytes} bytes of data, got ${end}`)
    reached = end
  }
  if (reached !== dataBytes) throw new Error(`tensors must cover all ${dataBytes} bytes of data, got ${reached}`)

  const tensors = new Map<string, Tensor>()
  for (const { name, dtype, shape, begin, end } of entries) {
    const values = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end)).buffer
    const data = dtype === 'F32' ? new Float32Array(values) : new Float64Array(values)
    tensors.set(name, { shape, data })
  }
  return { tensors, metadata }
}

/**
 * Writes tensors (F32, and F64 for a Float64Array) and metadata so that equal content gives equal bytes: names in code-unit order, no spaces but the
 * padding of the header to 8 bytes. Throws where a shape and its data disagree.
 */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array<ArrayBuffer> {
  const sorted = sortedByName(tensors)
  let begin = 0
  const entries = sorted.map(([name, { shape, data }]) => {
    if (name === METADATA) throw new Error(`tensor must not be named ${METADATA}`)
    if (elements(shape) !== data.length)
      throw new Error(`${quoted(name)} [${shape}] must hold ${elements(shape)} values, got ${data.length}`)
    const entry = entryOf(name, data instanceof Float32Array ? 'F32' : 'F64', shape, begin)
    begin += data.byteLength
    return entry
  })
  return container(
    metadata,
    entries,
    sorted.map(([, { data }]) => data),
  )
}

/**
 * A function that encodes flat float32 vectors of one layout to the bytes that `encodeSafetensors` makes of their tensors: the
 * entries are written once, and the values lie as they do in the vector. It throws where the length is not the layout's.
 */
export function createVectorEncoder(
  layout: Layout,
): (vector: Float32Array, metadata: ReadonlyMap<string, string>) => Uint8Array<ArrayBuffer> {
  const entries = layout.tensors.map(({ name, shape, offset }) => entryOf(name, 'F32', shape, 4 * offset))
  return (vector, metadata) => {
    if (vector.length !== layout.size) throw new Error(`vector must hold ${layout.size} values, got ${vector.length}`)
    return container(metadata, entries, [vector])
  }
}

function entryOf(name: string, dtype: 'F32' | 'F64', shape: readonly number[], begin: number): string {
  const end = begin + (dtype === 'F32' ? 4 : 8) * elements(shape)
  return `${quoted(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${begin},${end}]}`
}

/** Header and values; `parts` are the values of the entries one after the other. */
function container(
  metadata: ReadonlyMap<string, string>,
  entries: readonly string[],
  parts: readonly Vector[],
): Uint8Array<ArrayBuffer> {
  const pairs = sortedByName(metadata).map(([key, value]) => `${quoted(key)}:${quoted(value)}`)
  const members = metadata.size > 0 ? [`${quoted(METADATA)}:{${pairs.join(',')}}`, ...entries] : entries
  const text = utf8.encode(`{${members.join(',')}}`)
  const headerBytes = Math.ceil(text.length / 8) * 8
  const dataBytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const bytes = new Uint8Array(8 + headerBytes + dataBytes)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(headerBytes), littleEndian)
  bytes.set(text, 8)
  bytes.fill(0x20, 8 + text.length, 8 + headerBytes)
  let at = 8 + headerBytes
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  return bytes
}

function parseHeader(bytes: Uint8Array): ReadonlyMap<string, unknown> {
  // The specification wants '{' first: no byte order mark, no leading space.
  if (bytes[0] !== 0x7b) throw new Error(`header must start with "{", got byte ${bytes[0] ?? 'none'}`)
  let text: string
  try {
    text = strictUtf8.decode(bytes)
  } catch {
    throw new Error('header must be valid UTF-8, got other bytes')
  }
  const header = parseStrictJson(text)
  if (!(header instanceof Map)) throw new Error('header must be a JSON object, got another value')
  return header
}

function readMetadata(entry: unknown, metadata: Map<string, string>): void {
  if (!(entry instanceof Map)) throw new Error(`${METADATA} must be an object, got ${shown(entry)}`)
  for (const [key, value] of entry) {
    if (typeof value !== 'string') throw new Error(`metadata ${quoted(key)} must be a string, got ${shown(value)}`)
    metadata.set(key, value)
  }
}

interface Entry {
  readonly dtype: 'F32' | 'F64'
  readonly shape: number[]
  readonly begin: number
  readonly end: number
}

function readEntry(name: string, entry: unknown): Entry {
  if (!(entry instanceof Map)) throw new Error(`entry of ${quoted(name)} must be an object, got ${shown(entry)}`)
  for (const key of entry.keys()) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets')
      throw new Error(`entry of ${quoted(name)} must have dtype, shape and data_offsets only, got ${quoted(key)}`)
  }
  const dtype = entry.get('dtype')
  if (dtype !== 'F32' && dtype !== 'F64')
    throw new Error(`dtype of ${quoted(name)} must be "F32" or "F64", got ${shown(dtype)}`)
  const shape = sizes(entry.get('shape'), `shape of ${quoted(name)}`)
  const offsets = sizes(entry.get('data_offsets'), `data_offsets of ${quoted(name)}`)
  const [begin, end] = offsets
  if (offsets.length !== 2 || begin === undefined || end === undefined || end < begin)
    throw new Error(`data_offsets of ${quoted(name)} must be [begin, end], got [${offsets}]`)
  const bytes = (dtype === 'F32' ? 4 : 8) * elements(shape)
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes)
    throw new Error(`${quoted(name)} [${shape}] must take ${bytes} bytes, got ${end - begin}`)
  return { dtype, shape, begin, end }
}

function sizes(value: unknown, what: string): number[] {
  const isSize = (item: unknown): item is number =>
    Number.isSafeInteger(item) && !Object.is(item, -0) && Number(item) >= 0
  if (!(Array.isArray(value) && value.every(isSize)))
    throw new Error(`${what} must be integers from 0, got ${shown(value)}`)
  return value
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function sortedByName<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function shown(value: unknown): string {
  return String(JSON.stringify(value instanceof Map ? Object.fromEntries(value) : value)).slice(0, 80)
}
