import { appendFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import { type BoardProcess, requireEmulator, startBoard } from '../board/emulator.ts'
import { type MachineName, machines } from '../board/machines.ts'
import type { CommandIo } from '../command.ts'
import { putBootFile, readFacts } from '../flash/boot-files.ts'
import { type ImageFile, openImage } from '../flash/image-file.ts'
import { writeImage } from '../flash/write-image.ts'
import { unitFileName } from '../provision/unit-file.ts'
import type { BoardFleet } from './board-fleet.ts'
import type { HilConfig } from './hil.ts'
import type { Target } from './target.ts'

export interface EmulatedTargetOptions {
  readonly machine: MachineName
  readonly image: ImageFile
  readonly fleet: BoardFleet
  readonly io: CommandIo
}

/** Size of the emulated card, at least; the machines want powers of two. */
const leastCardBytes = 2 ** 31
/** Most starts in one run: a board that is reset again and again comes to nothing. */
const mostStarts = 10
const journalLines = 50
/** In the folder of the board: what it writes on its serial line. */
export const consoleName = 'console.txt'

/**
 * The image of the run's card, before anything is made of it. ExitError 2 where there is none, or one for another board, 3 where
 * QEMU or mtools is not installed, 4 where it is damaged.
 */
export async function checkImage({ image: path, target }: HilConfig, machine: MachineName): Promise<ImageFile> {
  if (path === null) throw new ExitError('usage', `--image must be given with --target ${target}, got nothing`)
  const image = openImage(path)
  await requireEmulator()
  const { board } = await readFacts(image)
  if (board !== machines[machine].board)
    throw new ExitError('usage', `--image must be a card for ${machines[machine].board}, got one for ${board}`)
  return image
}

/** A card, with the unit's file on it, in an emulated board: it is switched on, and on again whenever it was reset. */
export function createEmulatedTarget({ machine, image, fleet, io }: EmulatedTargetOptions): Target {
  const name = fleet.config.target
  const card = join(fleet.work, 'card.img')
  let board: BoardProcess | undefined
  let isStopped = false
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})

  const written = join(fleet.work, consoleName)
  const onLine = (line: string): void => appendFileSync(written, `${line}\n`)
  const switchOn = async (): Promise<BoardProcess> => {
    const on = await startBoard({ machine, card, work: fleet.work, port: fleet.port, onLine })
    if (isStopped) await on.cut()
    return on
  }
  /** Plays the firmware at every further start. */
  const keepOn = async (): Promise<void> => {
    for (let starts = 1; board; starts++) {
      const events = await board.off
      if (isStopped) return
      io.print(`${name}: off (${events.at(-1) ?? 'no event'}) after start ${starts}`)
      if (starts === mostStarts)
        throw new ExitError('unreachable', `${name} must stay on, got ${starts} starts\n${tail(board).join('\n')}`)
      board = await switchOn()
    }
  }
  return {
    name,
    failed,
    async start() {
      io.print(`${name}: a card from ${image.path}`)
      await makeCard(image, card)
      await putBootFile(card, fleet.unitFile, unitFileName)
      board = await switchOn()
      io.print(`${name}: on, process ${board.pid}`)
      keepOn().catch(fail)
    },
    facts: async () => undefined,
    journal: async () => (board ? tail(board) : []),
    log: undefined,
    async stop() {
      isStopped = true
      await board?.cut()
      rmSync(card, { force: true })
    },
  }
}

/** Unpacked, and larger than the image: what the unit does with the room is a part of its first start. */
async function makeCard(image: ImageFile, path: string): Promise<void> {
  const { bytes } = await writeImage(image, { path, isDisk: false, size: Number.POSITIVE_INFINITY }, () => {})
  truncateSync(path, Math.max(leastCardBytes, 2 ** Math.ceil(Math.log2(bytes))))
}

function tail(board: BoardProcess): string[] {
  return board.lines().slice(-journalLines)
}
