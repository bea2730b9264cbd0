import { execFile } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Partition } from '../../cli/board/partitions.ts'
import { type CheckpointOwner, type CheckpointState, createCheckpointStore } from '../../device/checkpoint.ts'
import { createRng } from '../../device/core/rng.ts'
import { type LoggedWrite, replayWrite } from './write-log.ts'

const run = promisify(execFile)

export interface CrashOptions {
  readonly log: string
  readonly entries: readonly LoggedWrite[]
  /** Image of the card before the first entry. */
  readonly before: string
  /** The data partition, to the end of the card. */
  readonly data: Partition
  /** Numbers of entries that were logged when the power went, ascending. */
  readonly points: readonly number[]
  readonly seed: number
  readonly owner: CheckpointOwner
  readonly work: string
}

/** What a power cut would have left. */
export interface Crash {
  readonly point: number
  /** Exit code of `e2fsck -f -p`, and its words. */
  readonly check: { readonly code: number; readonly text: string }
  readonly checkpoint: CheckpointState | undefined
  readonly notes: readonly string[]
  /** Whether the unit's identity is there: its file, until that is applied, then what was made of it. */
  readonly configured: boolean
  /** Names of what is kept as configuration. */
  readonly files: readonly string[]
}

/**
 * Data partitions after a power cut at each of the points: all writes up to the last flush before it are there, and of the later
 * ones each with probability one half.
 */
export async function* replayCrashes(options: CrashOptions): AsyncGenerator<Crash> {
  const { log, entries, before, data, points, seed, owner, work } = options
  mkdirSync(work, { recursive: true })
  const [settled, cut, files] = [join(work, 'settled.img'), join(work, 'cut.img'), join(work, 'files')]
  await run('dd', [
    `if=${before}`,
    `of=${settled}`,
    'bs=1M',
    `skip=${data.start}`,
    'iflag=skip_bytes',
    'conv=sparse',
    'status=none',
  ])
  truncateSync(settled, data.size)
  const rng = createRng(seed, 'card', 'crash', 0)
  const source = openSync(log, 'r')
  const base = openSync(settled, 'r+')
  let done = 0
  try {
    for (const point of points) {
      const flush = entries.findLastIndex((entry, index) => entry.flush && index < point)
      for (; done <= flush; done++) replayWrite(source, base, entries[done] as LoggedWrite, data.start, data.size)
      await run('cp', ['--sparse=always', '--reflink=auto', settled, cut])
      const torn = openSync(cut, 'r+')
      for (const entry of entries.slice(flush + 1, point))
        if (rng.uniform() < 0.5) replayWrite(source, torn, entry, data.start, data.size)
      closeSync(torn)
      const check = await outcome('e2fsck', ['-f', '-p', cut])
      rmSync(files, { recursive: true, force: true })
      mkdirSync(files)
      await outcome('debugfs', ['-R', `rdump /state /config ${files}`, cut])
      const state = join(files, 'state')
      const found = existsSync(state) ? createCheckpointStore(state, owner).load() : { state: undefined, notes: [] }
      const configured = hasIdentity(join(files, 'config'), owner.vehicle)
      const kept = existsSync(join(files, 'config')) ? readdirSync(join(files, 'config')) : []
      yield { point, check, checkpoint: found.state, notes: found.notes, configured, files: kept }
    }
  } finally {
    for (const file of [source, base]) closeSync(file)
    for (const file of [settled, cut]) rmSync(file, { force: true })
  }
}

function hasIdentity(folder: string, vehicle: string): boolean {
  if (existsSync(join(folder, 'trustmix-provision.json'))) return true
  const device = join(folder, 'device.json')
  return existsSync(device) && JSON.parse(readFileSync(device, 'utf8')).vehicle === vehicle
}

/** Different numbers from 1 to `last`, ascending. */
export function crashPoints(count: number, last: number, seed: number): number[] {
  const rng = createRng(seed, 'card', 'points', 0)
  const points = new Set<number>()
  while (points.size < Math.min(count, last)) points.add(1 + Math.floor(rng.uniform() * last))
  return [...points].sort((a, b) => a - b)
}

function outcome(program: string, args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr }),
    )
  })
}
