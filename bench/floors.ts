import type { FieldFigure } from './core/field.ts'
import type { Figure } from './measure.ts'
import { referenceCalibrationUs, timesAsLong } from './reference-machine.ts'

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
  /**
   * The same by the peers, of absolute floors where peers are in the run: the floor times how much longer their best took than on
   * the machine that it was set for, over our best.
   */
  readonly marginPeers?: number
}

interface Floor {
  readonly name: string
  readonly floor: number
  readonly unit: string
  readonly value: number | undefined
  /** The best of the repetitions, where it is known. */
  readonly best?: number | undefined
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
  const own = (task: string): Figure | undefined =>
    field.find((figure) => figure.task === task && figure.contender === 'wasm')
  const times = (task: string, contender: string, ownTask = task): number | undefined => {
    const peer = field.find((figure) => figure.task === task && figure.contender === contender)?.median
    const mine = own(ownTask)?.median
    return peer === undefined || mine === undefined ? undefined : peer / mine
  }
  const relative = { absolute: false, better: 'more', unit: '×' } as const
  const time = (figure: Figure | undefined, unit: string) => ({
    ...{ value: figure?.median, best: figure?.minimum, calibrationUs: figure?.calibrationUs, unit },
    ...({ absolute: true, better: 'less' } as const),
  })
  const floors: Floor[] = [
    { name: 'inference', floor: 1.5, ...time(own('inference'), 'µs') },
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
    { name: 'warm gate, M = K = 256, per peer', floor: 300, ...time(own('gate-warm-256'), 'µs') },
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
    { name: 'epoch, method gated', floor: 50, ...time(named('epoch-gated'), 'ms') },
    { name: 'epoch, method gated, letter', floor: 50, ...time(named('epoch-gated-letter'), 'ms') },
    { name: 'epoch, method certified', floor: 100, ...time(named('epoch-certified'), 'ms') },
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
    { name: 'device process, ready', floor: 1_500, ...time(named('device-ready'), 'ms') },
  ]
  const ofRun = of('calibration') ?? referenceCalibrationUs
  const peers = timesAsLong(field)
  const rows = floors.flatMap(({ name, floor, unit, value, best = value, better, absolute, calibrationUs = ofRun }) => {
    if (value === undefined || best === undefined || !Number.isFinite(value)) return []
    const scaled = (slower: number): number => (!absolute ? floor : better === 'less' ? floor * slower : floor / slower)
    const over = (floor: number, reached: number): number => (better === 'less' ? floor / reached : reached / floor)
    const here = scaled(calibrationUs / referenceCalibrationUs)
    const row = { name, floor, here, value, unit, margin: over(floor, value), marginHere: over(here, value) }
    return [absolute && peers.rows > 0 ? { ...row, marginPeers: over(scaled(peers.times), best) } : row]
  })
  const unmeasured = floors
    .filter(({ value }) => value === undefined || !Number.isFinite(value))
    .map(({ name }) => name)
  return { rows, unmeasured }
}
