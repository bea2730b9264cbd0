import { onDark, onLight, type Rgb, scaleColour } from '../../../../schemas/colour-scale.ts'

/** The colours of the present theme, for canvases. */
export interface Palette {
  readonly dark: boolean
  readonly paper: string
  readonly card: string
  readonly sunken: string
  readonly ink: string
  readonly soft: string
  readonly line: string
  readonly road: string
  readonly edge: string
  readonly accent: string
  readonly bad: string
  readonly font: string
}

/** Reads the colours that the style sheet gives the page at present. */
export function readPalette(): Palette {
  const probe = document.createElement('span')
  document.body.append(probe)
  const computed = getComputedStyle(probe)
  const colour = (token: string): string => {
    probe.style.color = `var(--${token})`
    return computed.color
  }
  const palette = {
    dark: document.documentElement.dataset.theme === 'dark',
    ...{ paper: colour('paper'), card: colour('card'), ink: colour('ink'), soft: colour('soft'), line: colour('line') },
    ...{
      sunken: colour('sunken'),
      road: colour('road'),
      edge: colour('edge'),
      accent: colour('accent'),
      bad: colour('bad'),
    },
    font: computed.fontFamily,
  }
  probe.remove()
  return palette
}

/** Steps of the colour scale: enough for the eye, few enough to be made beforehand. */
const steps = 64

/** CSS colours of speeds, or other shares of a largest value, for a theme. */
export interface ColourScale {
  /** The colour of a share, 0 … 1 (clipped; not a number counts as 0). */
  of(share: number): string
  /** Black or white, whichever is legible on it. */
  inkOn(share: number): string
  /** A CSS gradient from 0 to 1. */
  readonly gradient: string
}

/** Speeds: from slow to fast in many hues whose lightness rises evenly. */
export function speedScale(dark: boolean): ColourScale {
  const part = dark ? onDark : onLight
  return scaleOf((share) => scaleColour(share, part))
}

/** Shares: from a breath of the accent to all of it. */
export function shareScale({ card, accent }: Pick<Palette, 'card' | 'accent'>): ColourScale {
  const [none, all] = [rgbOf(card), rgbOf(accent)]
  return scaleOf((share) => {
    const part = 0.1 + 0.9 * share
    return none.map((channel, i) => Math.round(channel + part * (all[i]! - channel))) as unknown as Rgb
  })
}

function scaleOf(colourOf: (share: number) => Rgb): ColourScale {
  const mixed = Array.from({ length: steps }, (_, i) => colourOf(i / (steps - 1)))
  const colours = mixed.map((colour) => `rgb(${colour.join(' ')})`)
  const inks = mixed.map(inkOn)
  const step = (share: number): number => (share > 0 ? Math.min(steps - 1, Math.round(share * (steps - 1))) : 0)
  const stops = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]
  return {
    of: (share) => colours[step(share)] as string,
    inkOn: (share) => inks[step(share)] as string,
    gradient: `linear-gradient(90deg, ${stops.map((stop) => colours[step(stop)]).join(', ')})`,
  }
}

/** A computed colour of CSS, `rgb(1, 2, 3)`. */
function rgbOf(colour: string): Rgb {
  return (colour.match(/\d+/g) ?? []).slice(0, 3).map(Number) as unknown as Rgb
}

/** By relative luminance as WCAG 2 defines it: black has the higher contrast from 0.179 on. */
function inkOn(colour: Rgb): string {
  const [red, green, blue] = colour.map((channel) => {
    const share = channel / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000' : '#fff'
}
