import { createHash } from 'node:crypto'
import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { ExitError } from '../../schemas/exit.ts'
import { type ImageFile, readImage } from './image-file.ts'

export interface Target {
  readonly path: string
  /** A regular file is made anew; a disk is opened as it is, and by nobody else. */
  readonly isDisk: boolean
  /** Room, bytes; infinite for a file. */
  readonly size: number
}

/** How far a stage is; `of` is undefined as long as it is not known. */
export type OnProgress = (stage: 'writing' | 'reading back', done: number, of: number | undefined) => void

/** Writes an image and has it on the medium when it resolves; bytes and SHA-256. ExitError 2 where it does not fit. */
export async function writeImage(
  image: ImageFile,
  target: Target,
  onProgress: OnProgress,
): Promise<{ bytes: number; sha256: string }> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_EXCL } = constants
  // O_EXCL on a block device: refused where the kernel has it in use (open(2)).
  const file = open(target.path, O_WRONLY | (target.isDisk ? O_EXCL : O_CREAT | O_TRUNC))
  const hash = createHash('sha256')
  let bytes = 0
  let synced = 0
  try {
    for await (const chunk of readImage(image)) {
      if (bytes + chunk.length > target.size)
        throw new ExitError('usage', `${target.path} must hold the whole image, got room for ${target.size} bytes`)
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at, chunk.length - at)
      hash.update(chunk)
      bytes += chunk.length
      // Or the progress would run ahead of the card by all of the memory.
      if (bytes - synced >= syncEvery) {
        fsyncSync(file)
        synced = bytes
      }
      onProgress('writing', bytes, image.imageBytes)
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  if (bytes === 0 || bytes % 512 !== 0)
    throw new ExitError('damaged', `${image.path} must be whole sectors of 512 bytes, got ${bytes} bytes`)
  return { bytes, sha256: hash.digest('hex') }
}

/** Reads the first `bytes` of the target again; their SHA-256. */
export async function readBack(path: string, bytes: number, onProgress: OnProgress): Promise<string> {
  const file = open(path, constants.O_RDONLY)
  const hash = createHash('sha256')
  const buffer = Buffer.alloc(4_194_304)
  try {
    for (let done = 0; done < bytes; ) {
      const read = readSync(file, buffer, 0, Math.min(buffer.length, bytes - done), done)
      if (read === 0) throw new ExitError('damaged', `${path} must have ${bytes} bytes, got ${done}`)
      hash.update(buffer.subarray(0, read))
      done += read
      onProgress('reading back', done, bytes)
      await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

const syncEvery = 33_554_432

function open(path: string, flags: number): number {
  try {
    return openSync(path, flags, 0o644)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const hint = code === 'EACCES' ? '; writing to a disk needs root' : code === 'EBUSY' ? '; it is in use' : ''
    throw new ExitError('usage', `${message}${hint}`)
  }
}
