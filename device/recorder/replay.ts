import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import type { RecordTopic } from '../../schemas/record.ts'
import { type LogFile, readLogFile } from './log-reader.ts'
import { createReplayer, type Difference, type Replayer, readSnapshot, type Snapshot } from './replayer.ts'

export interface ReplayOptions {
  /** Told now and then how many records of how many are done; what it returns is waited for. */
  readonly onProgress?: (done: number, all: number) => Promise<void>
}

/** What came of computing the logs of one vehicle again. */
export interface ReplayResult {
  readonly vehicle: string
  readonly engine: string
  /** What recorded the newest file. */
  readonly software: string
  readonly machine: string
  /** Every action, update, verdict and state is the same, bit for bit. */
  readonly identical: boolean
  readonly files: number
  /** Records that were fed in or compared. */
  readonly records: number
  readonly counts: Readonly<Partial<Record<RecordTopic, number>>>
  /** Records that the recorder says it lost. */
  readonly lost: number
  /** Files that were not ended: by a power cut, or because they are still written to. */
  readonly cut: number
  /** Of the device where the logs end, or differ. */
  readonly policyHash: string
  readonly first?: FirstDifference
}

export interface FirstDifference extends Difference {
  readonly file: string
}

/** A file that is in order, without its records: there may be more of them than memory for all. */
interface Log {
  readonly path: string
  readonly records: number
  readonly end: LogFile['end']
  readonly snapshot: Pick<Snapshot, 'vehicle' | 'boot' | 'record' | 'engine' | 'software' | 'machine'>
}

const progressEvery = 500

/**
 * Computes the logs of one vehicle again, each file from its own snapshot and in the order of recording, through the code
 * that the device runs. ExitError 4 names the damaged record; 2 where another engine, or more than one vehicle, recorded.
 */
export async function replayLog(paths: readonly string[], options: ReplayOptions = {}): Promise<ReplayResult> {
  const checked: (Log | undefined)[] = []
  for (const path of paths) checked.push(await checkLog(path))
  const logs = inOrder(checked)
  const newest = logs.at(-1)
  if (!newest) throw new ExitError('damaged', `a log must hold a whole record, got none in ${paths.join(', ')}`)
  const all = logs.reduce((sum, { records }) => sum + records, 0)
  const counts: Partial<Record<RecordTopic, number>> = {}
  let [done, lost, policyHash] = [0, 0, '']
  let first: FirstDifference | undefined
  let before: { readonly chain: string; readonly state: unknown } | undefined

  for (const { path } of logs) {
    const start = done
    try {
      const file = await readWhole(path)
      const snapshot = readSnapshot(file.records)
      const replayer = await createReplayer(file.records, snapshot)
      const tell = async (): Promise<void> => options.onProgress?.(start + file.records.length - replayer.left, all)
      const goesOn = before?.state !== undefined && before.chain === snapshot.follows
      const difference = (goesOn ? replayer.compareState(before?.state) : undefined) ?? (await run(replayer, tell))
      done = start + file.records.length - replayer.left
      counts['/snapshot'] = (counts['/snapshot'] ?? 0) + 1
      for (const [topic, count] of replayer.counts) counts[topic] = (counts[topic] ?? 0) + count
      lost += replayer.lost
      policyHash = replayer.policyHash
      if (difference) first = { file: basename(path), ...difference }
      else before = { chain: file.chain, state: replayer.quiet ? replayer.state() : undefined }
    } catch (error) {
      if (error instanceof ExitError) throw error
      // The chain is right, and yet it is nothing that a recorder of this version writes.
      throw new ExitError('damaged', `${path}: ${(error as Error).message}`)
    }
    if (first) break
  }
  const { vehicle, engine, software, machine } = newest.snapshot
  const cut = logs.filter(({ end }) => end === 'cut').length
  return {
    ...{ vehicle, engine, software, machine, identical: first === undefined, files: logs.length, records: done },
    ...{ counts, lost, cut, policyHash, ...(first && { first }) },
  }
}

async function run(replayer: Replayer, tell: () => Promise<void>): Promise<Difference | undefined> {
  let since = 0
  while (replayer.left > 0) {
    const stepped = replayer.step()
    const difference = stepped instanceof Promise ? await stepped : stepped
    if (difference) return difference
    // Only here nothing of the device can use a turn that it did not have.
    if (++since < progressEvery || !replayer.quiet) continue
    since = 0
    await tell()
  }
  await tell()
  return undefined
}

/** Undefined for a file that was cut before its first record was whole. */
async function checkLog(path: string): Promise<Log | undefined> {
  const { records, end } = await readWhole(path)
  if (records.length === 0) return undefined
  try {
    const { vehicle, boot, record, engine, software, machine } = readSnapshot(records)
    return { path, records: records.length, end, snapshot: { vehicle, boot, record, engine, software, machine } }
  } catch (error) {
    throw new ExitError('damaged', `${path}: ${(error as Error).message}`)
  }
}

async function readWhole(path: string): Promise<LogFile> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
  const file = readLogFile(bytes)
  const { damage } = file
  if (!damage) return file
  throw new ExitError('damaged', `${path}: record ${damage.record}, at byte ${damage.offset}: ${damage.what}`)
}

function inOrder(opened: readonly (Log | undefined)[]): Log[] {
  const logs = opened.filter((log) => log !== undefined)
  const vehicles = [...new Set(logs.map(({ snapshot }) => snapshot.vehicle))].sort()
  if (vehicles.length > 1) throw new ExitError('usage', `the logs must be of one vehicle, got ${vehicles.join(', ')}`)
  return logs.sort((a, b) => a.snapshot.boot - b.snapshot.boot || a.snapshot.record - b.snapshot.record)
}
