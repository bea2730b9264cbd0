import type { Criterion, Report, Times } from '../../schemas/report.ts'
import { formatVersion } from '../../schemas/validator.ts'
import type { FaultEffect } from '../faults/ledger.ts'
import type { Pace } from '../pace.ts'
import type { Histogram } from './histogram.ts'
import type { Meter } from './meter.ts'

export interface ReportOptions {
  readonly run: string
  readonly seed: number
  readonly epochs: number
  /** Seconds per step. */
  readonly stepLength: number
  readonly meter: Meter
  readonly pace?: Pace | undefined
  readonly deadlineMs?: number | undefined
  readonly faults?: readonly FaultEffect[] | undefined
  readonly limits: Limits
}

/** What a run is judged by; per device, but `rebases`. */
export interface Limits {
  readonly misses: number
  readonly handedOverSteps: number
  /** ms; null: not judged. */
  readonly roundTripMs: number | null
  readonly rebases: number
}

/** The report of a run so far, judged by the limits. */
export function createReport(options: ReportOptions): Report {
  const { run, seed, meter, pace, deadlineMs } = options
  const criteria = criteriaOf(options)
  return {
    version: formatVersion,
    run,
    seed,
    mode: pace ? 'realtime' : 'lock-step',
    deadline: { rule: deadlineMs !== undefined ? 'time' : pace ? 'step' : 'none', ms: deadlineMs ?? null },
    world: describeWorld(options),
    devices: Object.fromEntries(
      [...meter.devices].map(([id, { counts, roundTrip }]) => [
        id,
        {
          ...counts,
          roundTrip: {
            decide: describeTimes(roundTrip.decide),
            learn: describeTimes(roundTrip.learn),
            mix: describeTimes(roundTrip.mix),
          },
        },
      ]),
    ),
    faults: (options.faults ?? []).map(({ fault, messages, counts }) => ({ fault, messages, effects: { ...counts } })),
    criteria,
    passed: criteria.every(({ passed }) => passed),
  }
}

function criteriaOf({ meter, pace, deadlineMs, limits }: ReportOptions): Criterion[] {
  const criteria: Criterion[] = []
  const judge = (subject: string, criterion: string, limit: number, found: number): void => {
    criteria.push({ subject, criterion, limit, found, passed: found <= limit })
  }
  for (const [id, { counts, roundTrip }] of meter.devices) {
    if (pace || deadlineMs !== undefined) judge(id, 'missed deadlines', limits.misses, counts.misses)
    if (pace) judge(id, 'steps handed over', limits.handedOverSteps, counts.handedOverSteps)
    if (limits.roundTripMs !== null && roundTrip.decide.count > 0)
      judge(id, 'longest round trip of a decision, ms', limits.roundTripMs, roundTrip.decide.max)
    judge(id, 'steps without the device', 0, counts.awaySteps)
    judge(id, 'times it left', 0, counts.left)
  }
  if (pace) judge('world', 'schedule moved', limits.rebases, pace.rebases)
  return criteria
}

function describeWorld({ meter, pace, epochs, stepLength }: ReportOptions): Report['world'] {
  const clockS = meter.drivenMs / 1_000
  const simulatedS = meter.steps * stepLength
  return {
    epochs,
    steps: meter.steps,
    simulatedS,
    clockS,
    rtf: clockS > 0 ? simulatedS / clockS : null,
    targetRtf: pace ? (1_000 * stepLength) / pace.periodMs : null,
    rebases: pace?.rebases ?? 0,
    lostMs: pace?.lostMs ?? 0,
    roundsLeftOut: meter.roundsLeftOut,
    jitter: pace ? describeTimes(pace.jitter) : null,
    jitterBins: pace ? binsOf(pace.jitter) : [],
  }
}

function describeTimes(times: Histogram): Times {
  const { count } = times
  if (count === 0) return { count, min: null, mean: null, p50: null, p99: null, p999: null, max: null }
  const [p50, p99, p999] = [times.quantile(0.5), times.quantile(0.99), times.quantile(0.999)]
  return { count, min: times.min, mean: times.mean, p50, p99, p999, max: times.max }
}

const binEdgesMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000]

function binsOf(times: Histogram): Report['world']['jitterBins'] {
  let below = 0
  const bins: Report['world']['jitterBins'] = binEdgesMs.map((toMs) => {
    const upTo = times.countUpTo(toMs)
    const bin = { toMs, count: upTo - below }
    below = upTo
    return bin
  })
  return [...bins, { toMs: null, count: times.count - below }]
}
