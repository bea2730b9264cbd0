import { type Figure, figureOf, timeCpuUs } from './measure.ts'

const size = 128
const tile = 32

/**
 * The machine's speed in this run: a product of two 128 × 128 float64 matrices in plain JavaScript, in tiles, CPU time.
 * Divide absolute figures by it before comparing machines; the floors are scaled by it over `referenceCalibrationUs`.
 */
export function calibration(repetitions: number): Figure {
  const a = Float64Array.from({ length: size * size }, (_, i) => (i % 7) - 3)
  const b = Float64Array.from({ length: size * size }, (_, i) => (i % 5) - 2)
  const out = new Float64Array(size * size)
  const values = timeCpuUs(() => multiply(a, b, out), { batch: 20, repetitions })
  return figureOf(
    'calibration',
    'µs CPU',
    values,
    `plain-JS product of two ${size} × ${size} matrices, tiles of ${tile}`,
  )
}

function multiply(a: Float64Array, b: Float64Array, out: Float64Array): void {
  out.fill(0)
  for (let k0 = 0; k0 < size; k0 += tile)
    for (let i = 0; i < size; i++)
      for (let k = k0; k < k0 + tile; k++) {
        const factor = a[i * size + k]!
        for (let j = 0, o = i * size, p = k * size; j < size; j++, o++, p++) out[o] = out[o]! + factor * b[p]!
      }
}
