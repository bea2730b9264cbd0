import type { FieldFigure } from './core/field.ts'

/**
 * What peers took on the machine that the floors were set for (AMD EPYC, Zen 4, two shared cores), CPU time, minimum, µs: the
 * rows whose work and program are the same here. PyTorch was 1.13 with OpenBLAS there.
 */
const peers: readonly (readonly [task: FieldFigure['task'], contender: string, us: number])[] = [
  ['inference', 'torch', 19.5],
  ['inference', 'onnxruntime-node', 9.5],
  ['inference', 'tensorflow-wasm', 56],
  ['step', 'torch', 860],
  ['step', 'tensorflow-wasm', 3_929],
  ['update', 'torch', 275_000],
  ['fisher', 'torch', 213],
  ['fisher-cached', 'torch', 68.5],
  ['fisher-materialised', 'torch', 241_513],
  ['gate-cold-256', 'torch', 554],
  ['gate-warm-256', 'torch', 236],
]

/**
 * CPU time of the calibration on that machine, µs. It was not taken there; it follows from what peers took: 0.79 times as long in
 * earlier-run.txt at a calibration of 2126 µs, and 1.25 at 2539 on another day, which makes 2,700 and 2,000. A slower kind of
 * machine (full-run.txt, 2.34 at 4824) makes it 2,100.
 */
export const referenceCalibrationUs = 2_400

/** How many times as long the peers of this run took as there: geometric mean over the rows that both have. */
export function timesAsLong(field: readonly FieldFigure[]): { readonly times: number; readonly rows: number } {
  const logs = peers.flatMap(([task, contender, us]) => {
    const found = field.find((figure) => figure.task === task && figure.contender === contender)
    return found ? [Math.log(found.minimum / us)] : []
  })
  return { times: Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length), rows: logs.length }
}
