import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import { type Fat, fatOf } from '../board/fat.ts'
import { firstPartition } from '../board/partitions.ts'
import { type ImageFile, readImage } from './image-file.ts'

/** What an image says of itself, in `trustmix-image.json` of its first partition. */
export interface ImageFacts {
  readonly version: 1
  readonly software: string
  readonly board: string
  /** Whose updates the unit will take: `development` is a key that everybody has, else the fingerprint of the certificate. */
  readonly updateKey: string
}

/** Reads what an image says of itself before it is written; ExitError 4 where it is no card image of ours. */
export async function readFacts(image: ImageFile): Promise<ImageFacts> {
  const folder = mkdtempSync(join(tmpdir(), 'trustmix-flash-'))
  try {
    const head = join(folder, 'head')
    await writeHead(image, head)
    return await factsIn(head)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Everything up to the end of the first partition, as far as there is so much. */
async function writeHead(image: ImageFile, path: string): Promise<void> {
  let bytes = 0
  let end = 512
  for await (const chunk of readImage(image)) {
    if (bytes === 0 && chunk.length >= 512) {
      const record = Buffer.from(chunk.buffer, chunk.byteOffset, 512)
      end = 512 * (record.readUInt32LE(454) + record.readUInt32LE(458))
    }
    appendFileSync(path, chunk)
    bytes += chunk.length
    if (bytes >= Math.min(end, largestHead)) return
  }
}

const largestHead = 1_073_741_824

async function factsIn(path: string): Promise<ImageFacts> {
  const text = await firstFat(path).read('trustmix-image.json')
  try {
    const facts = JSON.parse(text) as Partial<ImageFacts>
    if (facts.version === 1 && facts.software && facts.board && facts.updateKey) return facts as ImageFacts
  } catch {}
  throw new ExitError('damaged', `${path}: trustmix-image.json must say version 1, software, board and updateKey`)
}

/** Puts a file into the first partition, where a board and its firmware look. */
export async function putBootFile(path: string, source: string, name: string): Promise<void> {
  await firstFat(path).put(source, name)
}

/** Has the unit on a card forget at its next start what it learned; what the card says of itself. ExitError 4 for others' cards. */
export async function askForReset(card: string): Promise<ImageFacts> {
  const facts = await factsIn(card)
  const folder = mkdtempSync(join(tmpdir(), 'trustmix-flash-'))
  try {
    const marker = join(folder, resetMarker)
    writeFileSync(marker, '')
    await putBootFile(card, marker, resetMarker)
  } finally {
    rmSync(folder, { recursive: true })
  }
  return facts
}

/** A board looks for it whenever it starts (`image/files/board/setup`). */
const resetMarker = 'trustmix-factory-reset'

function firstFat(path: string): Fat {
  const first = firstPartition(path)
  if (!fatTypes.has(first.type) || first.start === 0)
    throw new ExitError('damaged', `${path} must begin with a FAT partition, got type ${first.type} at ${first.start}`)
  return fatOf(path, first)
}

const fatTypes: ReadonlySet<number> = new Set([0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e])
