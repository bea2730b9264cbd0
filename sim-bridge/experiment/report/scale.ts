/** A linear map of a domain onto pixels. */
export type Scale = (value: number) => number

/** The map that takes `from` to `fromPixel` and `to` to `toPixel`; an empty domain goes to the middle. */
export function linearScale(from: number, to: number, fromPixel: number, toPixel: number): Scale {
  if (from === to) return () => (fromPixel + toPixel) / 2
  return (value) => fromPixel + ((value - from) / (to - from)) * (toPixel - fromPixel)
}

/** Axis values: multiples of 1, 2 or 5 × 10ⁿ that span what is shown, and how many decimals they need. */
export interface Axis {
  readonly low: number
  readonly high: number
  readonly ticks: readonly number[]
  readonly decimals: number
}

/** About `count` steps around all finite `values`; [0, 1] without any. */
export function axisOf(values: readonly number[], count: number): Axis {
  const finite = values.filter((value) => Number.isFinite(value))
  const [low, high] = finite.length > 0 ? extent(finite) : [0, 1]
  const raw = (high - low || Math.abs(high) || 1) / count
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = power * ([1, 2, 5].find((factor) => raw <= factor * power * (1 + 1e-9)) ?? 10)
  const first = Math.floor(low / step + 1e-9)
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9))
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(decimals)))
  return { low: ticks[0]!, high: ticks.at(-1)!, ticks, decimals }
}

function extent(values: readonly number[]): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}

/**
 * Positions for the sorted `wanted` ones with at least `gap` between neighbours, inside [low, high] where they fit: those
 * that would touch stand in a block around the mean of their places (isotonic regression by pooling adjacent violators).
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  // Without the gaps, neighbours only have to keep their order.
  const blocks: { mean: number; count: number }[] = []
  for (const [i, place] of wanted.entries()) {
    let block = { mean: place - i * gap, count: 1 }
    for (let above = blocks.at(-1); above && above.mean > block.mean; above = blocks.at(-1)) {
      blocks.pop()
      const count = above.count + block.count
      block = { mean: (above.mean * above.count + block.mean * block.count) / count, count }
    }
    blocks.push(block)
  }
  const top = high - (wanted.length - 1) * gap
  return blocks
    .flatMap(({ mean, count }) => new Array<number>(count).fill(mean))
    .map((place, i) => Math.max(low, Math.min(top, place)) + i * gap)
}
