import type { FieldFigure } from './core/field.ts'
import type { Figure } from './measure.ts'
import { referenceCalibrationUs } from './reference-machine.ts'

/** What the project wants to reach, beside what this run reached. */
export interface FloorRow {
  readonly name: string
  /** The floor as it was set, the same for this machine and the value reached, all in `unit`. */
  readonly floor: number
  readonly here: number
  readonly value: number
  readonly unit: string
  /** How many times better than either floor; below 1 it is missed. */
  readonly margin: number
  readonly marginHere: number
}

interface Floor {
  readonly name: string
  readonly floor: number
  readonly unit: string
  readonly value: number | undefined
  readonly better: 'less' | 'more'
  /** An absolute time or speed: it is adapted to the machine's calibration. */
  readonly absolute: boolean
  /** µs; where it is not given, that of the run. */
  readonly calibrationUs?: number | undefined
}

export interface FloorReport {
  readonly rows: readonly FloorRow[]
  /** Floors whose figure is not in this run. */
  readonly unmeasured: readonly string[]
}

/**
 * The floors over the figures of this run. Medians; absolute ones are scaled by calibration over the reference machine's: that
 * of the figure, or that of the run.
 */
export function floorsOf(figures: readonly Figure[], field: readonly FieldFigure[]): FloorReport {
  const named = (name: string): Figure | undefined => figures.find((figure) => figure.name === name)
  const of = (name: string): number | undefined => named(name)?.median
  const ours = (task: string): number | undefined =>
    field.find((figure) => figure.task === task && figure.contender === 'wasm')?.median
  const times = (task: string, contender: string, own = task): number | undefined => {
    const peer = field.find((figure) => figure.task === task && figure.contender === contender)?.median
    const mine = ours(own)
    return peer === undefined || mine === undefined ? undefined : peer / mine
  }
  const absolute = { absolute: true, better: 'less' } as const
  const relative = { absolute: false, better: 'more', unit: '×' } as const
  const epoch = (name: string) => {
    const figure = named(name)
    return { value: figure?.median, calibrationUs: figure?.calibrationUs, unit: 'ms', ...absolute }
  }
  const floors: Floor[] = [
    { name: 'inference', floor: 1.5, unit: 'µs', value: ours('inference'), ...absolute },
    {
      name: 'inference, against onnxruntime-node',
      floor: 6,
      value: times('inference', 'onnxruntime-node'),
      ...relative,
    },
    { name: 'PPO update, against PyTorch', floor: 4, value: times('update', 'torch'), ...relative },
    {
      name: 'PPO update, against TensorFlow.js wasm',
      floor: 12,
      value: times('update', 'tensorflow-wasm'),
      ...relative,
    },
    { name: 'warm gate, M = K = 256, per peer', floor: 300, unit: 'µs', value: ours('gate-warm-256'), ...absolute },
    {
      name: 'warm gate, against PyTorch with the same cache',
      floor: 1,
      value: times('gate-warm-256', 'torch'),
      ...relative,
    },
    {
      ...{ name: 'Fisher form, against the matrix in PyTorch', floor: 1_000, ...relative },
      value: times('fisher-materialised', 'torch', 'fisher'),
    },
    {
      ...{ name: 'Fisher form, against the matrix in plain JS', floor: 1_000, ...relative },
      value: times('fisher-materialised', 'reference', 'fisher'),
    },
    { name: 'epoch, method gated', floor: 50, ...epoch('epoch-gated') },
    { name: 'epoch, method gated, letter', floor: 50, ...epoch('epoch-gated-letter') },
    { name: 'epoch, method certified', floor: 100, ...epoch('epoch-certified') },
    { name: 'embedded simulator', floor: 1e6, unit: 'car-steps/s', value: of('sim'), absolute: true, better: 'more' },
    {
      name: 'lock-step, 7 devices',
      floor: 300,
      unit: 'steps/s',
      value: of('lock-step'),
      absolute: true,
      better: 'more',
    },
    {
      name: 'device process, resident',
      floor: 90,
      unit: 'MB',
      value: of('fleet-memory'),
      absolute: false,
      better: 'less',
    },
    { name: 'device process, ready', floor: 1_500, unit: 'ms', value: of('device-ready'), ...absolute },
  ]
  const ofRun = of('calibration') ?? referenceCalibrationUs
  const rows = floors.flatMap(({ name, floor, unit, value, better, absolute, calibrationUs = ofRun }) => {
    if (value === undefined || !Number.isFinite(value)) return []
    const slower = calibrationUs / referenceCalibrationUs
    const here = !absolute ? floor : better === 'less' ? floor * slower : floor / slower
    const over = (floor: number): number => (better === 'less' ? floor / value : value / floor)
    return [{ name, floor, here, value, unit, margin: over(floor), marginHere: over(here) }]
  })
  const unmeasured = floors
    .filter(({ value }) => value === undefined || !Number.isFinite(value))
    .map(({ name }) => name)
  return { rows, unmeasured }
}
