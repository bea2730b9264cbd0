import { carGlyph } from '../../cli/view/road-picture.ts'

/** The hand policy in the preset `flow`. */
export const headway = {
  controller: 'headway:5',
  policies: undefined,
  preset: 'flow',
  network: 'figure-eight',
  vehicles: 14,
  learners: undefined,
  'start-jitter': 0,
  collision: 'continue',
  brake: 'soft',
  crossing: 'priority',
  'speed-mode': '1',
  sim: 'embedded',
  setting: 'headway',
  seed: 1,
}

/** How often each car glyph occurs. */
export function counted(text: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const glyph of text) if (glyphs.has(glyph)) counts[glyph] = (counts[glyph] ?? 0) + 1
  return counts
}

const glyphs = new Set<string>(Object.values(carGlyph))
