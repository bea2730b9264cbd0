import { emulatedMachine } from '../../schemas/config-hil.ts'
import type { HilReport } from '../../schemas/hil-report.ts'
import type { Criterion, Report } from '../../schemas/report.ts'
import type { Summary } from '../../schemas/summary.ts'
import { formatVersion } from '../../schemas/validator.ts'
import type { Limits } from '../report/report.ts'
import type { UnitFacts } from './unit-record.ts'

export interface HilReportOptions extends Pick<HilReport, 'vehicle' | 'target' | 'begun' | 'durationS' | 'cause'> {
  readonly facts: UnitFacts
  readonly report: Report
  readonly summary: Pick<Summary, 'epochs' | 'deterministic' | 'causes'>
  readonly machine: HilReport['machine']
  readonly identity: HilReport['identity']
  readonly limits: HilLimits
}

/** What a unit is judged by: `Limits` outside the windows of faults, and these. */
export interface HilLimits extends Limits {
  readonly restarts: number
  /** MiB; null: not judged. */
  readonly memoryMib: number | null
}

/**
 * The report of a run so far, the unit and the world judged by the limits; without a cause the run is complete. How long an
 * emulated board takes is not judged.
 */
export function createHilReport(options: HilReportOptions): HilReport {
  const { vehicle, target, begun, durationS, cause, facts, report, summary, machine, identity } = options
  const { run, seed, mode, deadline, world, devices, faults } = report
  const { epochs, deterministic, causes } = summary
  const criteria = criteriaOf(options)
  return {
    version: formatVersion,
    ...{ run, vehicle, target, seed, begun, durationS, complete: cause === null, cause },
    ...facts,
    ...{ machine, identity, mode, deadline, world, devices, faults, epochs, deterministic, causes, criteria },
    passed: criteria.every(({ passed }) => passed),
  }
}

function criteriaOf({
  vehicle,
  target,
  facts,
  report,
  machine,
  identity,
  limits,
  cause,
}: HilReportOptions): Criterion[] {
  const { outsideFaults: outside } = facts.decisions
  const criteria: Criterion[] = []
  const judge = (subject: string, criterion: string, limit: number, found: number | null): void => {
    criteria.push({ subject, criterion, limit, found, passed: found !== null && found <= limit })
  }
  const isTimed = emulatedMachine(target) === undefined
  const realtime = isTimed && report.mode === 'realtime'
  if (isTimed && report.deadline.rule !== 'none')
    judge(vehicle, 'missed deadlines outside faults', limits.misses, outside.misses)
  if (realtime) judge(vehicle, 'steps handed over outside faults', limits.handedOverSteps, outside.handedOverSteps)
  if (isTimed && limits.roundTripMs !== null)
    judge(vehicle, 'longest round trip outside faults, ms', limits.roundTripMs, outside.longestMs)
  if (isTimed) judge(vehicle, 'steps without the device outside faults', 0, outside.awaySteps)
  if (isTimed) judge(vehicle, 'times it left outside faults', 0, outside.left)
  judge(vehicle, 'restarts', limits.restarts, restartsOf(facts, machine))
  if (limits.memoryMib !== null) judge(vehicle, 'resident memory, MiB', limits.memoryMib, largestOf(facts.memory))
  if (identity) judge(vehicle, 'differences of its replay', 0, identity.identical ? 0 : 1)
  if (realtime) judge('world', 'schedule moved', limits.rebases, report.world.rebases)
  judge('run', 'unfinished', 0, cause === null ? 0 : 1)
  return criteria
}

/** By the boot counter, or by the service manager where that saw more: it also counts starts that never came to a connection. */
function restartsOf({ connection }: UnitFacts, machine: HilReport['machine']): number {
  const [before, after] = [machine?.before.restarts, machine?.after.restarts]
  if (typeof before !== 'number' || typeof after !== 'number') return connection.restarts
  return Math.max(connection.restarts, after - before)
}

/** The largest value of a timeline; null where there is none. */
export function largestOf({ stretches }: HilReport['memory']): number | null {
  const known = stretches.flatMap(({ max }) => max ?? [])
  return known.length > 0 ? known.reduce((a, b) => Math.max(a, b)) : null
}
