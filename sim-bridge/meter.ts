import { Histogram } from './histogram.ts'
import type { LockStepObserver } from './lock-step.ts'

/** What is counted per device. */
export const countNames = [
  /** Decisions that fell due. */
  'decisions',
  /** Those whose command did not come in time, the left-out ones among them. */
  'misses',
  /** Misses while the device was learning or mixing. */
  'missesWhileLearning',
  /** Decisions left out because the one before was still outstanding. */
  'leftOut',
  /** Decisions that came late after a step that itself began too late to judge by. */
  'unjudged',
  /** Steps driven under the last command because the next one was late. */
  'lateHeldSteps',
  /** Steps driven by the simulator's driver because a command was late for too long, or the first one was. */
  'handedOverSteps',
  /** Steps driven by the simulator's driver because the device had left the barrier. */
  'awaySteps',
  /** Answers in which the device's own envelope had replaced the policy's action. */
  'fallbacks',
  /** Questions sent again. */
  'repeats',
  /** Answers that nobody waited for. */
  'ignored',
  /** Messages of the device that the bridge's checks refused. */
  'refused',
  /** Times that the device left the barrier. */
  'left',
] as const

export type CountName = (typeof countNames)[number]
export type Counts = Record<CountName, number>

export const roundTripKinds = ['decide', 'learn', 'mix'] as const
export type RoundTripKind = (typeof roundTripKinds)[number]

/** What is known of one device; bounded however long a run lasts. */
export interface DeviceMeter {
  readonly counts: Counts
  /** First sending of a question to its answer. */
  readonly roundTrip: Readonly<Record<RoundTripKind, Histogram>>
}

/** Counts what devices and the world's clock did in a run. */
export interface Meter {
  readonly devices: ReadonlyMap<string, DeviceMeter>
  readonly observer: LockStepObserver
  /** Adds one to a count; ids that are no learner's are nobody. */
  count(vehicle: string, name: CountName): void
  /** The stretches of an epoch in which steps are driven. */
  beginEpoch(): void
  step(): void
  endEpoch(): void
  /** Steps driven, and the clock time that they took, ms. */
  readonly steps: number
  readonly drivenMs: number
  /** Rounds that were not begun because the one before still ran. */
  roundsLeftOut: number
}

export interface MeterOptions {
  readonly vehicles: readonly string[]
  readonly now: () => number
  /** Told of every count. */
  readonly onCount?: (vehicle: string, name: CountName) => void
}

export function createMeter({ vehicles, now, onCount }: MeterOptions): Meter {
  const devices = new Map(vehicles.map((id) => [id, createDeviceMeter()]))
  let steps = 0
  let drivenMs = 0
  let begunAt = 0
  const count = (vehicle: string, name: CountName): void => {
    const device = devices.get(vehicle)
    if (!device) return
    device.counts[name]++
    onCount?.(vehicle, name)
  }
  return {
    devices,
    count,
    observer: {
      answered(vehicle, answer, roundTripMs) {
        if (answer.kind === 'reset' || answer.kind === 'end') return
        devices.get(vehicle)?.roundTrip[answer.kind].record(roundTripMs)
        if (answer.kind === 'decide' && answer.fallback !== undefined) count(vehicle, 'fallbacks')
      },
      repeated: (vehicle) => count(vehicle, 'repeats'),
      ignored: (vehicle) => count(vehicle, 'ignored'),
    },
    beginEpoch() {
      begunAt = now()
    },
    step() {
      steps++
    },
    endEpoch() {
      drivenMs += now() - begunAt
    },
    get steps() {
      return steps
    },
    get drivenMs() {
      return drivenMs
    },
    roundsLeftOut: 0,
  }
}

function createDeviceMeter(): DeviceMeter {
  return {
    counts: Object.fromEntries(countNames.map((name) => [name, 0])) as Counts,
    roundTrip: { decide: new Histogram(), learn: new Histogram(), mix: new Histogram() },
  }
}
