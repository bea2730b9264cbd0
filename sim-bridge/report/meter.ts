import { type CountName, type Counts, countNames } from '../../schemas/report.ts'
import type { LockStepObserver } from '../lock-step.ts'
import { Histogram } from './histogram.ts'

/** What is known of one device; bounded however long a run lasts. */
export interface DeviceMeter {
  readonly counts: Counts
  /** First sending of a question to its answer. */
  readonly roundTrip: Readonly<Record<'decide' | 'learn' | 'mix', Histogram>>
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
  /** Told of every answer that counts, and the milliseconds since its question was sent for the first time. */
  readonly onAnswer?: LockStepObserver['answered']
}

export function createMeter({ vehicles, now, onCount, onAnswer }: MeterOptions): Meter {
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
        onAnswer?.(vehicle, answer, roundTripMs)
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

/** All counts at 0. */
export function noCounts(): Counts {
  return Object.fromEntries(countNames.map((name) => [name, 0])) as Counts
}

/** How late decisions changed a run; undefined where none did. */
export function latenessOf({ devices }: Meter): string | undefined {
  let [steps, leftOut] = [0, 0]
  for (const { counts } of devices.values()) {
    steps += counts.lateHeldSteps + counts.handedOverSteps
    leftOut += counts.leftOut
  }
  if (steps === 0) return undefined
  return `${steps} steps were driven while a decision was late, ${leftOut} decisions were left out`
}

function createDeviceMeter(): DeviceMeter {
  return {
    counts: noCounts(),
    roundTrip: { decide: new Histogram(), learn: new Histogram(), mix: new Histogram() },
  }
}
