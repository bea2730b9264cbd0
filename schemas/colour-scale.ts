/** Red, green and blue, 0 … 255. */
export type Rgb = readonly [red: number, green: number, blue: number]

/** Parts of the colour scale that are legible on a background: all but its lightest end, all but its darkest end. */
export const onLight: readonly [from: number, to: number] = [0, 0.82]
export const onDark: readonly [from: number, to: number] = [0.3, 0.95]

/**
 * The colour of `share` (0 … 1, clipped) of a scale whose lightness rises evenly from dark blue over red to yellow, so
 * that it keeps its order in grey and for colour-blind eyes ("plasma" of Smith and van der Walt, 2015, nine of its steps).
 */
export function scaleColour(share: number, [from, to]: readonly [number, number]): Rgb {
  const at = (from + (to - from) * Math.min(1, Math.max(0, share))) * (plasma.length - 1)
  const below = Math.min(plasma.length - 2, Math.floor(at))
  const rest = at - below
  const [low, high] = [plasma[below]!, plasma[below + 1]!]
  const mixed = (channel: 0 | 1 | 2): number => Math.round(low[channel] + rest * (high[channel] - low[channel]))
  return [mixed(0), mixed(1), mixed(2)]
}

/** `#rrggbb` */
export function hexOf(colour: Rgb): string {
  return `#${colour.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

const plasma: readonly Rgb[] = [
  [13, 8, 135],
  [76, 2, 161],
  [126, 3, 168],
  [170, 35, 149],
  [204, 71, 120],
  [230, 108, 92],
  [248, 149, 64],
  [253, 197, 39],
  [240, 249, 33],
]
