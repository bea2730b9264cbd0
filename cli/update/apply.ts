import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../device/identity.ts'
import type { Provision } from '../../schemas/provision.ts'
import { formatVersion } from '../../schemas/validator.ts'
import type { Board } from './board.ts'
import { fetchBundle } from './fetch-bundle.ts'
import { Refusal } from './refusal.ts'
import { judgeRequest, takeRequest } from './request.ts'

export interface ApplyOptions {
  /** Whose unit it is, the fleet's root and where updates may come from; may throw. */
  readonly unit: () => Provision
  /** Of the unit: where its request and its checkpoints lie. */
  readonly stateDir: string
  readonly board: Board
  /** Of root alone to write, on the partition that keeps. */
  readonly directory: string
  readonly print: (line: string) => void
}

/** Both slots of a group and a signature, bytes. */
const maxBundleBytes = 384 * 1_048_576

/**
 * Carries out the update that the unit was told of: judges the request anew, fetches the bundle, has RAUC write the other slot and
 * restarts into that, once. False where it is refused: why, goes to the unit's status.
 */
export async function applyUpdate(options: ApplyOptions): Promise<boolean> {
  const { stateDir, board, directory, print } = options
  const into = join(directory, 'bundle.raucb')
  try {
    const request = takeRequest(stateDir)
    if (request === undefined) return true
    const unit = options.unit()
    const asked = judgeRequest(request, { unit, stateDir, directory, print })
    print(`update of ${asked.operator}: ${asked.bundle}`)
    await fetchBundle({ asked, hosts: unit.update?.hosts ?? [], ca: unit.ca, into, limit: maxBundleBytes })
    const to = (await board.slot()) === 'A' ? 'B' : 'A'
    await board.install(into)
    print('installed; the new system is tried')
    await tryIt(board, stateDir, to)
    return true
  } catch (error) {
    const { reason, message } =
      error instanceof Refusal ? error : new Refusal('not-installed', (error as Error).message)
    board.finish({ state: 'refused', reason, detail: message })
    print(`update refused as ${reason}: ${message}`)
    return false
  } finally {
    rmSync(into, { force: true })
  }
}

async function tryIt(board: Board, stateDir: string, to: 'A' | 'B'): Promise<void> {
  const [broker, watchdog] = [await board.isConnected(), await board.isWatched()]
  // What it has learned is on the card when it has stopped.
  await board.stopUnit()
  try {
    const checkpoint = checkpointHash(stateDir)
    board.keepPending({ version: formatVersion, to, checkpoint, broker, watchdog })
    await board.tryOther()
  } catch (error) {
    await board.startUnit()
    throw error
  }
}

/** SHA-256 of the newest checkpoint's file; null where there is none. */
export function checkpointHash(stateDir: string): string | null {
  try {
    return sha256(readFileSync(join(stateDir, 'checkpoint.safetensors')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
