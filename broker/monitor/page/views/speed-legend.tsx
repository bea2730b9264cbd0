import type { JSX } from 'preact'
import { useColours } from '../hooks.ts'

/** Speed at the end of the colour scale, m/s: few cars of these roads are faster, and slow ones are told apart. */
export const colourTop = 15

/** What the colours of speeds mean. */
export function SpeedLegend(): JSX.Element {
  const { speeds } = useColours()
  return (
    <div class="legend">
      <span class="legend-scale" style={{ backgroundImage: speeds.gradient }} aria-hidden="true" />
      <p class="legend-ticks">
        <span class="unseen">Colours of speeds: from </span>
        <span>0</span>
        <span aria-hidden="true">{colourTop / 3}</span>
        <span aria-hidden="true">{(2 * colourTop) / 3}</span>
        <span>
          <span class="unseen">to </span>≥ {colourTop} m/s
        </span>
      </p>
    </div>
  )
}
