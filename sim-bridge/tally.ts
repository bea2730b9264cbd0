import type { Act } from '../schemas/lock-step.ts'
import type { Summary } from '../schemas/summary.ts'
import { formatVersion } from '../schemas/validator.ts'

export interface TallyOptions {
  readonly seed: number
  readonly preset: string
  readonly setting: string
  readonly sim: string
  readonly method: string
  readonly vehicles: readonly string[]
  readonly intervalS: Readonly<Record<string, number>>
}

/** Folds the answers of a run into its summary. */
export interface Tally {
  learned(vehicle: string, answer: Extract<Act, { kind: 'learn' }>): void
  mixed(vehicle: string, answer: Extract<Act, { kind: 'mix' }>): void
  policy(vehicle: string, hash: string): void
  /** An epoch begins; until it is finished the summary says `unfinished`. */
  begin(): void
  epoch(entry: { epoch: number; nas: number; meanSpeed: number }, collisions: number): void
  baseline(entry: { nas: number; meanSpeed: number }): void
  /** Something other than the seed changed the course of the run. */
  disturbed(cause: string): void
  interrupt(): void
  summary(): Summary
}

/** The first causes say why a run parted from its seed; later ones follow from them. */
const maxCauses = 100

/** Starts from nothing, or from the summary of the interrupted run that is resumed. */
export function createTally(options: TallyOptions, resumed?: Summary): Tally {
  const { vehicles } = options
  const n = vehicles.length
  const index = new Map(vehicles.map((id, i) => [id, i]))
  const zeros = (): number[][] => Array.from({ length: n }, () => new Array<number>(n).fill(0))
  const matrix = resumed?.matrix.map((row) => [...row]) ?? zeros()
  const referred = resumed?.referred.map((row) => [...row]) ?? zeros()
  const verdicts: Record<string, number> = { ...resumed?.verdicts }
  const epochs = [...(resumed?.epochs ?? [])]
  const causes: string[] = [...(resumed?.causes ?? [])]
  const policies: Record<string, string> = { ...resumed?.policies }
  const learners: NonNullable<Summary['learners']> = Object.fromEntries(
    vehicles.map((id) => [
      id,
      resumed?.learners?.[id] ?? { intervalS: options.intervalS[id] ?? 0, samples: 0, updates: 0, return: 0 },
    ]),
  )
  let collisions = resumed?.collisions ?? 0
  let baseline = resumed?.baseline ?? { nas: 0, meanSpeed: 0 }
  let interrupted = false
  let unfinished = false
  if (resumed?.unfinished) causes.push('the interrupted run ended inside an epoch')
  const bump = (row: number[] | undefined, j: number): void => {
    if (row) row[j] = (row[j] ?? 0) + 1
  }

  const disturbed = (cause: string): void => {
    if (causes.length < maxCauses) causes.push(cause)
  }

  return {
    learned(vehicle, { policyHash, samples, updates, return: value }) {
      policies[vehicle] = policyHash
      learners[vehicle] = { intervalS: options.intervalS[vehicle] ?? 0, samples, updates, return: value }
    },
    mixed(vehicle, answer) {
      policies[vehicle] = answer.policyHash
      const i = index.get(vehicle) ?? -1
      for (const { peer, accepted, referred: positive, reason } of answer.verdicts) {
        verdicts[reason] = (verdicts[reason] ?? 0) + 1
        const j = index.get(peer)
        if (j === undefined) continue
        if (accepted) bump(matrix[i], j)
        if (positive) bump(referred[i], j)
      }
      for (const [reason, count] of Object.entries(answer.refused)) verdicts[reason] = (verdicts[reason] ?? 0) + count
      if (answer.note !== undefined) disturbed(`${vehicle}: ${answer.note}`)
    },
    policy(vehicle, hash) {
      policies[vehicle] = hash
    },
    begin() {
      unfinished = true
    },
    epoch(entry, pairs) {
      unfinished = false
      epochs.push(entry)
      collisions += pairs
    },
    baseline(entry) {
      baseline = entry
    },
    disturbed,
    interrupt() {
      interrupted = true
    },
    summary: () => ({
      version: formatVersion,
      seed: options.seed,
      preset: options.preset,
      setting: options.setting,
      sim: options.sim,
      method: options.method,
      deterministic: causes.length === 0,
      causes,
      interrupted,
      ...(unfinished && { unfinished }),
      vehicles: [...vehicles],
      baseline,
      epochs,
      verdicts,
      matrix,
      referred,
      collisions,
      policies,
      learners,
    }),
  }
}
