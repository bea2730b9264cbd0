import type { Attributes } from './svg.ts'

/** Every colour: on light paper, on dark paper. Series after Okabe and Ito (2008), blue and black lifted on dark paper. */
const colours = {
  paper: ['#fcfcfa', '#15191e'],
  ink: ['#1f2933', '#e8ebee'],
  soft: ['#55606b', '#a4aeb8'],
  grid: ['#e1e4e2', '#2d343b'],
  c0: ['#1f2933', '#e8ebee'],
  c1: ['#0072b2', '#4aa8e8'],
  c2: ['#d55e00', '#f07a1f'],
  c3: ['#009e73', '#1fbd92'],
  c4: ['#b4568a', '#dc8fba'],
  c5: ['#b77d00', '#e6b450'],
  c6: ['#2f9fd8', '#86cdf5'],
} as const

export type Colour = keyof typeof colours

const dashes = ['', '7 3', '2 3', '9 3 2 3'] as const

/** How a series is drawn: seven colours, then the same ones dashed; a name stands beside every series anyway. */
export function seriesStyle(index: number): { readonly colour: Colour; readonly dash: Attributes } {
  const names = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c0'] as const
  const dash = dashes[Math.floor(index / names.length) % dashes.length]
  return { colour: names[index % names.length]!, dash: dash ? { 'stroke-dasharray': dash } : {} }
}

/** The attributes that fill in a colour of both papers. */
export function fill(colour: Colour): Attributes {
  return { class: `f-${colour}`, fill: colours[colour][0] }
}

/** The attributes that draw a line in a colour of both papers. */
export function stroke(colour: Colour, width = 1): Attributes {
  return { class: `s-${colour}`, fill: 'none', stroke: colours[colour][0], 'stroke-width': width }
}

/** Colours of a page or of a drawing that follow what the reader prefers. */
export function darkStyle(): string {
  const rules = Object.entries(colours).map(([name, [, dark]]) => `.f-${name}{fill:${dark}}.s-${name}{stroke:${dark}}`)
  return `@media (prefers-color-scheme:dark){${rules.join('')}}`
}

/** CSS variables of the papers' colours, for a page. */
export function pageColours(): string {
  const names = ['paper', 'ink', 'soft', 'grid'] as const
  const of = (side: 0 | 1) => names.map((name) => `--${name}:${colours[name][side]}`).join(';')
  return `:root{color-scheme:light dark;${of(0)}}@media (prefers-color-scheme:dark){:root{${of(1)}}}`
}
