import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'

/** A card image on disk, compressed (.zst) or not. */
export interface ImageFile {
  readonly path: string
  readonly compressed: boolean
  /** Of the file, bytes. */
  readonly fileBytes: number
  /** Of the image, bytes; undefined where the compressed file does not say. */
  readonly imageBytes: number | undefined
}

/** ExitError 2 where there is no such file, 4 where it is no image. */
export function openImage(path: string): ImageFile {
  let fileBytes: number
  try {
    const found = statSync(path)
    if (!found.isFile()) throw new Error('no file')
    fileBytes = found.size
  } catch (error) {
    throw new ExitError('usage', `IMAGE must be a file: ${(error as Error).message}`)
  }
  const compressed = path.endsWith('.zst')
  if (!compressed && fileBytes % 512 !== 0)
    throw new ExitError('damaged', `${path} must be whole sectors of 512 bytes, got ${fileBytes}`)
  return { path, compressed, fileBytes, imageBytes: compressed ? contentSize(path) : fileBytes }
}

/**
 * Compares the file with the line that SHA256SUMS beside it has for it; false where there is none. ExitError 4 where they
 * differ.
 */
export async function checkSum({ path }: ImageFile): Promise<boolean> {
  let sums: string
  try {
    sums = readFileSync(join(dirname(path), 'SHA256SUMS'), 'utf8')
  } catch {
    return false
  }
  const stated = sums
    .split('\n')
    .find((line) => line.slice(66) === basename(path))
    ?.slice(0, 64)
  if (stated === undefined) return false
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) hash.update(chunk as Buffer)
  const found = hash.digest('hex')
  if (found !== stated)
    throw new ExitError('damaged', `${path} must have the SHA-256 ${stated} of SHA256SUMS, got ${found}`)
  return true
}

/** The image's bytes as they come out of the file. ExitError 3 where the decompressor is not installed, 4 for damaged files. */
export async function* readImage({ path, compressed }: ImageFile): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: 262_144 })
  if (!compressed) {
    for await (const chunk of source) yield chunk as Buffer
    return
  }
  const { Decompress } = await import('fzstd').catch(() => {
    throw new ExitError('unreachable', 'a compressed image needs the package fzstd; or unpack it with zstd -d')
  })
  const ready: Uint8Array[] = []
  const stream = new Decompress((chunk) => void ready.push(chunk))
  const push = (chunk: Uint8Array, isLast: boolean): void => {
    try {
      stream.push(chunk, isLast)
    } catch (error) {
      throw new ExitError('damaged', `${path} must be compressed with zstd: ${(error as Error).message}`)
    }
  }
  for await (const chunk of source) {
    push(chunk as Buffer, false)
    for (const part of ready.splice(0)) yield part
  }
  push(new Uint8Array(0), true)
  yield* ready
}

/** `Frame_Content_Size` of the first frame (RFC 8878, section 3.1.1.1). */
function contentSize(path: string): number | undefined {
  const head = startOf(path, 18)
  if (head.readUInt32LE(0) !== 0xfd2fb528)
    throw new ExitError('damaged', `${path} must be compressed with zstd, got the bytes ${head.toString('hex', 0, 4)}`)
  const descriptor = head.readUInt8(4)
  const single = (descriptor >> 5) & 1
  const at = 5 + (1 - single) + ([0, 1, 2, 4][descriptor & 3] as number)
  switch (descriptor >> 6) {
    case 0:
      return single ? head.readUInt8(at) : undefined
    case 1:
      return head.readUInt16LE(at) + 256
    case 2:
      return head.readUInt32LE(at)
    default:
      return Number(head.readBigUInt64LE(at))
  }
}

/** The first bytes of a file or disk, zeros beyond its end. */
function startOf(path: string, bytes: number): Buffer {
  const start = Buffer.alloc(bytes)
  const file = openSync(path, 'r')
  try {
    readSync(file, start, 0, bytes, 0)
  } finally {
    closeSync(file)
  }
  return start
}
