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
 * cannot be read or replayed is a difference, in words. While the recording does not reach the claimed policy, its end may
 * not be written yet: `later` says whether to look once more.
 */
export async function checkIdentity(
  paths: () => Promise<readonly string[]>,
  claimed: Claimed,
  replayLog: ReplayLog,
  later: () => Promise<boolean> = async () => false,
): Promise<LogIdentity> {
  for (;;) {
    const { identity, behind } = await compare(paths, claimed, replayLog)
    if (!behind || !(await later())) return identity
  }
}

async function compare(
  paths: () => Promise<readonly string[]>,
  { vehicle, policyHash }: Claimed,
  replayLog: ReplayLog,
): Promise<{ readonly identity: LogIdentity; readonly behind: boolean }> {
  const nothing = { identical: false, records: 0, policyHash: null } as const
  let replay: Replay
  try {
    const found = await paths()
    if (found.length === 0) return { identity: { ...nothing, detail: 'the recording has no files' }, behind: true }
    replay = await replayLog(found)
  } catch (error) {
    return { identity: { ...nothing, detail: (error as Error).message }, behind: false }
  }
  const { records } = replay
  const differs = differenceOf(replay, vehicle)
  const behind = differs === null && policyHash !== null && replay.policyHash !== policyHash
  const parted = `the unit ended with policy ${policyHash?.slice(0, 12)}, the recording with ${replay.policyHash.slice(0, 12)}`
  const detail = behind ? parted : differs
  return {
    identity: { identical: detail === null, records, policyHash: hashOrNull(replay.policyHash), detail },
    behind,
  }
}

function differenceOf(replay: Replay, vehicle: string): string | null {
  if (replay.vehicle !== vehicle) return `the recording must be of ${vehicle}, got one of ${replay.vehicle}`
  if (!replay.identical) return `the first difference: ${JSON.stringify(replay.first ?? {}).slice(0, 300)}`
  if (replay.lost > 0) return `the recorder lost ${replay.lost} records`
  if (replay.records === 0) return 'the recording has no records'
  return null
}

function hashOrNull(text: string): string | null {
  return /^[0-9a-f]{64}$/.test(text) ? text : null
}
