/** A linear map of a domain onto pixels. */
export type Scale = (value: number) => number

/** The map that takes `from` to `fromPixel` and `to` to `toPixel`; an empty domain goes to the middle. */
export function linearScale(from: number, to: number, fromPixel: number, toPixel: number): Scale {
  if (from === to) return () => (fromPixel + toPixel) / 2
  return (value) => fromPixel + ((value - from) / (to - from)) * (toPixel - fromPixel)
}

/** Round axis values: multiples of `step` (1, 2 or 5 times a power of ten) from `low` to `high`, both included. */
export type Ticks = { readonly values: readonly number[]; readonly step: number; readonly decimals: number }

/** Ticks inside [low, high], at most `count` + 1 of them, after Heckbert, "Nice numbers for graph labels" (1990). */
export function niceTicks(low: number, high: number, count: number): Ticks {
  const step = niceStep((high - low) / Math.max(1, count))
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  const values = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) =>
    Number(((first + index) * step).toFixed(decimals)),
  )
  return { values, step, decimals }
}

/** [low, high] widened to whole steps, from zero where that costs less than a quarter of the height. */
export function niceDomain(low: number, high: number, count: number): [low: number, high: number] {
  const from = low >= 0 && low < high / 4 ? 0 : low
  let step = niceStep((high - from || Math.abs(high) || 1) / count)
  for (;;) {
    const bottom = Math.floor(from / step + 1e-9) * step
    const top = Math.ceil(high / step - 1e-9) * step
    if (bottom === top) return [low >= 0 ? Math.max(0, bottom - step) : bottom - step, top + step]
    // the widened domain may need the next step, on which its ends must lie too
    const widened = niceStep((top - bottom) / count)
    if (widened <= step) return [bottom, top]
    step = widened
  }
}

/** The smallest of 1, 2, 5 × 10ⁿ that is not below `raw`. */
function niceStep(raw: number): number {
  if (!(raw > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(raw))
  const fraction = raw / power
  return power * (fraction <= 1 + 1e-9 ? 1 : fraction <= 2 + 1e-9 ? 2 : fraction <= 5 + 1e-9 ? 5 : 10)
}
