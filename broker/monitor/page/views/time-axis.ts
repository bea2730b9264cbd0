import type uPlot from 'uplot'
import { axis } from '../chart.tsx'
import type { Palette } from '../draw/palette.ts'

/** Steps of such an axis, s. */
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400]

/** An axis of the time until now. */
export function timeAxis(palette: Palette): uPlot.Axis {
  return axis(palette, { values: secondsAgo, incrs: steps, space: 90, size: 30 })
}

/** Names of a time axis whose values are seconds before now, as negative numbers. */
function secondsAgo(_plot: uPlot, values: number[]): string[] {
  const largest = Math.max(...values.map((value) => Math.abs(value)))
  return values.map((value) => {
    if (value === 0) return 'now'
    if (value > 0) return ''
    return largest < 180
      ? `−${round(-value)} s`
      : largest < 10_800
        ? `−${round(-value / 60)} min`
        : `−${round(-value / 3_600)} h`
  })
}

/** From the oldest point, or ten seconds ago, until now. */
export function untilNow(_plot: uPlot, least: number | null): [number, number] {
  return [Math.min(least ?? 0, -10), 0]
}

function round(value: number): string {
  return String(Math.round(10 * value) / 10)
}
