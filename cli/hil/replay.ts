import type { LogIdentity } from '../../schemas/hil-report.ts'

/** What computing the recording of one unit again found. */
export interface Replay {
  readonly vehicle: string
  /** Every record came out the same. */
  readonly identical: boolean
  readonly records: number
  /** Records that the recorder lost. */
  readonly lost: number
  /** Where the recording ends, or differs. */
  readonly policyHash: string
  readonly first?: object
}

export type ReplayLog = (paths: readonly string[]) => Promise<Replay>

/** The unit whose recording is replayed, and the policy that it said last. */
export interface Claimed {
  readonly vehicle: string
  readonly policyHash: string | null
}

/**
 * Whether a unit's recording, computed again on this machine, gives every record and the policy that the unit claims. What
 * cannot be read or replayed is a difference, in words.
 */
export async function checkIdentity(
  paths: () => Promise<readonly string[]>,
  { vehicle, policyHash }: Claimed,
  replayLog: ReplayLog,
): Promise<LogIdentity> {
  let replay: Replay
  try {
    const found = await paths()
    if (found.length === 0) return { ...nothing, detail: 'the recording has no files' }
    replay = await replayLog(found)
  } catch (error) {
    return { ...nothing, detail: (error as Error).message }
  }
  const { records } = replay
  const detail = differenceOf(replay, vehicle, policyHash)
  return { identical: detail === null, records, policyHash: hashOrNull(replay.policyHash), detail }
}

const nothing = { identical: false, records: 0, policyHash: null } as const

function differenceOf(replay: Replay, vehicle: string, policyHash: string | null): string | null {
  if (replay.vehicle !== vehicle) return `the recording must be of ${vehicle}, got one of ${replay.vehicle}`
  if (!replay.identical) return `the first difference: ${JSON.stringify(replay.first ?? {}).slice(0, 300)}`
  if (replay.lost > 0) return `the recorder lost ${replay.lost} records`
  if (replay.records === 0) return 'the recording has no records'
  if (policyHash !== null && replay.policyHash !== policyHash)
    return `the unit ended with policy ${policyHash.slice(0, 12)}, the recording with ${replay.policyHash.slice(0, 12)}`
  return null
}

function hashOrNull(text: string): string | null {
  return /^[0-9a-f]{64}$/.test(text) ? text : null
}
