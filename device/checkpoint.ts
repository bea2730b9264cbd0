import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatVersion } from '../schemas/validator.ts'
import type { AgentState } from './agent-state.ts'
import { encodeKept, keptOf } from './checkpoint-kept.ts'
import type { Tensor } from './core/parameters.ts'
import { decodeSafetensors, encodeSafetensors } from './core/safetensors.ts'
import { makeDirectory } from './directory.ts'
import { sha256 } from './identity.ts'
import type { LastGoodState } from './last-good.ts'

/** What a checkpoint belongs to; one of another seed, vehicle, engine or kind of network is not taken. */
export interface CheckpointOwner {
  readonly vehicle: string
  readonly seed: number
  readonly engine: string
  readonly architecture: string
}

/** The agent and, where policies are kept to return to, those. */
export type CheckpointState = AgentState & { readonly lastGood?: LastGoodState }

export interface CheckpointStore {
  /** Returns once the bytes are durable. */
  save(state: CheckpointState): void
  /** The newest undamaged generation; `notes` say what was damaged. Undefined where there is none at all. */
  load(): { readonly state: CheckpointState | undefined; readonly notes: readonly string[] }
}

const format = `trustmix-checkpoint/${formatVersion}`
const emptyChecksum = '0'.repeat(64)
const current = 'checkpoint.safetensors'
const previous = 'checkpoint.previous.safetensors'
const unfinished = 'checkpoint.tmp'

/**
 * Two generations in a directory. Writing: temporary file, fsync, rename, fsync of the directory; a power cut at any point
 * leaves at least one whole generation, if need be the temporary file, which is newer than the other two.
 */
export function createCheckpointStore(directory: string, owner: CheckpointOwner): CheckpointStore {
  // Checkpoints hold samples and the value network, which are nobody else's business.
  makeDirectory(directory, 0o700)
  return {
    save(state) {
      const temporary = join(directory, unfinished)
      writeDurably(temporary, encodeCheckpoint(state, owner))
      try {
        renameSync(join(directory, current), join(directory, previous))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
      renameSync(temporary, join(directory, current))
      syncDirectory(directory)
    },
    load() {
      const notes: string[] = []
      for (const name of [current, unfinished, previous]) {
        let bytes: Buffer
        try {
          bytes = readFileSync(join(directory, name))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') notes.push(`${name}: ${(error as Error).message}`)
          continue
        }
        try {
          return { state: decodeCheckpoint(bytes, owner), notes }
        } catch (error) {
          notes.push(`${name} is damaged: ${(error as Error).message}`)
        }
      }
      return { state: undefined, notes }
    },
  }
}

/** Removes all generations; the boot counter beside them stays. */
export function forgetCheckpoints(directory: string): void {
  for (const name of [current, previous, unfinished]) rmSync(join(directory, name), { force: true })
}

/** Writes a file so that either the old or the whole new content survives a power cut. */
export function writeAtomically(path: string, content: string | Uint8Array, mode = 0o644): void {
  makeDirectory(dirname(path))
  try {
    writeDurably(`${path}.tmp`, content, mode)
    renameSync(`${path}.tmp`, path)
  } catch (error) {
    rmSync(`${path}.tmp`, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

/** One safetensors container; its checksum covers all bytes with the checksum's own digits as zeros. */
export function encodeCheckpoint(state: CheckpointState, owner: CheckpointOwner): Uint8Array {
  const tensors = new Map<string, Tensor>([
    ['policy', row(state.policy)],
    ['value', row(state.value)],
    ['adam.m', row(state.adamM)],
    ['adam.v', row(state.adamV)],
  ])
  const { rollout, replay, recent, held } = state
  for (const column of rolloutColumns) tensors.set(`rollout.${column}`, row(Float64Array.from(rollout[column])))
  for (const [i, block] of replay.entries())
    for (const column of evidenceColumns) tensors.set(`replay.${i}.${column}`, row(Float64Array.from(block[column])))
  for (const column of recentColumns) tensors.set(`recent.${column}`, row(recent[column]))
  if (held) {
    tensors.set('held.observation', row(Float64Array.from(held.observation)))
    tensors.set('held.action', row(Float64Array.from(held.action)))
    tensors.set('held.logProb', row(Float64Array.of(held.logProb)))
  }
  const lastGood = state.lastGood && encodeKept(state.lastGood, tensors)
  const { epoch, updates, samples, adamStep, scale, streams, rounds } = state
  const counts = { epoch, updates, samples, adamStep, scale, streams, rounds, replay: replay.map(({ count }) => count) }
  const metadata = new Map([
    ['format', format],
    ['owner', JSON.stringify(owner)],
    ['state', JSON.stringify(counts)],
    ...(lastGood === undefined ? [] : [['lastGood', lastGood] as const]),
    ['checksum', emptyChecksum],
  ])
  const bytes = Buffer.from(encodeSafetensors({ tensors, metadata }))
  bytes.write(sha256(bytes), checksumOffset(bytes), 'latin1')
  return bytes
}

/** Throws an Error with rule and value found where the bytes are damaged or belong to someone else. */
export function decodeCheckpoint(bytes: Uint8Array, owner: CheckpointOwner): CheckpointState {
  const { tensors, metadata } = decodeSafetensors(bytes)
  if (metadata.get('format') !== format)
    throw new Error(`unsupported-version: format must be ${format}, got ${metadata.get('format')}`)
  const blank = Buffer.from(bytes)
  blank.write(emptyChecksum, checksumOffset(blank), 'latin1')
  const checksum = sha256(blank)
  if (metadata.get('checksum') !== checksum)
    throw new Error(`checksum must be ${checksum}, got ${metadata.get('checksum')}`)
  if (metadata.get('owner') !== JSON.stringify(owner))
    throw new Error(`must belong to ${JSON.stringify(owner)}, got ${metadata.get('owner')}`)
  const counts = JSON.parse(metadata.get('state') ?? '') as Pick<
    AgentState,
    'epoch' | 'updates' | 'samples' | 'adamStep' | 'scale' | 'streams' | 'rounds'
  > & { replay: number[] }
  const column = (name: string): Float64Array => {
    const tensor = tensors.get(name)
    if (!tensor) throw new Error(`tensor ${name} is missing`)
    return Float64Array.from(tensor.data)
  }
  const { replay, ...rest } = counts
  const lastGood = metadata.get('lastGood')
  return {
    ...rest,
    ...(lastGood !== undefined && { lastGood: keptOf(lastGood, column) }),
    policy: column('policy'),
    value: column('value'),
    adamM: column('adam.m'),
    adamV: column('adam.v'),
    rollout: {
      count: column('rollout.logProb').length,
      observations: column('rollout.observations'),
      actions: column('rollout.actions'),
      logProb: column('rollout.logProb'),
      reward: column('rollout.reward'),
      duration: column('rollout.duration'),
      nextObservations: column('rollout.nextObservations'),
      terminated: Uint8Array.from(column('rollout.terminated')),
      truncated: Uint8Array.from(column('rollout.truncated')),
    },
    replay: replay.map((count, i) => ({
      count,
      observations: column(`replay.${i}.observations`),
      actions: column(`replay.${i}.actions`),
      logProb: column(`replay.${i}.logProb`),
      advantage: column(`replay.${i}.advantage`),
    })),
    recent: {
      count: column('recent.logProb').length,
      observations: column('recent.observations'),
      actions: column('recent.actions'),
      logProb: column('recent.logProb'),
      advantage: column('recent.advantage'),
      returns: column('recent.returns'),
    },
    held: tensors.has('held.action')
      ? {
          observation: Float32Array.from(column('held.observation')),
          action: Float32Array.from(column('held.action')),
          logProb: column('held.logProb')[0] as number,
        }
      : undefined,
  }
}

const rolloutColumns = [
  'observations',
  'actions',
  'logProb',
  'reward',
  'duration',
  'nextObservations',
  'terminated',
  'truncated',
] as const
const evidenceColumns = ['observations', 'actions', 'logProb', 'advantage'] as const
const recentColumns = [...evidenceColumns, 'returns'] as const

function row(data: Float64Array): Tensor {
  return { shape: [data.length], data }
}

function checksumOffset(bytes: Buffer): number {
  const key = '"checksum":"'
  return bytes.indexOf(key) + key.length
}

function writeDurably(path: string, content: string | Uint8Array, mode?: number): void {
  const file = openSync(path, 'w', mode)
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
