import type { Rgb } from '../../schemas/colour-scale.ts'

/** The nearest of the 6 × 6 × 6 colours that terminals with 256 colours have, as its number (16 … 231). */
export function terminalColour(colour: Rgb): number {
  const [red, green, blue] = colour.map((channel) => nearestLevel(channel))
  return 16 + 36 * red! + 6 * green! + blue!
}

const levels = [0, 95, 135, 175, 215, 255]

function nearestLevel(channel: number): number {
  let best = 0
  for (const [i, level] of levels.entries()) if (Math.abs(level - channel) < Math.abs(levels[best]! - channel)) best = i
  return best
}
