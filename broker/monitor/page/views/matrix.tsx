import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import type { Pair } from '../../../fleet.ts'
import { Canvas } from '../canvas.tsx'
import { drawMatrix, matrixLayout } from '../draw/matrix-picture.ts'
import { useColours, useSize } from '../hooks.ts'
import { percent, whole } from '../model/format.ts'
import { acceptedShare } from '../model/verdicts.ts'
import type { Chosen } from './collaboration.tsx'

/** The matrix of Fig. 4 of the letter, as it grows. */
export function Matrix(props: {
  readonly ids: readonly string[]
  readonly pairs: ReadonlyMap<string, Pair>
  readonly chosen: Chosen | undefined
  readonly onChoose: (chosen: Chosen) => void
}): JSX.Element {
  const { ids, pairs, chosen, onChoose } = props
  const { palette, shares } = useColours()
  const { ref, width } = useSize<HTMLDivElement>()
  const [pointed, setPointed] = useState<Chosen>()
  const names = ids.join(' ')
  const layout = useMemo(() => matrixLayout({ width, ids }), [width, names])
  const point = (x: number, y: number): Chosen | undefined => {
    const found = layout.at(x, y)
    return found && pairs.has(`${found.own}>${found.peer}`) ? found : undefined
  }
  const shown = pointed ?? chosen
  const pair = shown && pairs.get(`${shown.own}>${shown.peer}`)
  return (
    <div ref={ref} class="matrix">
      <Canvas
        label="Matrix of who judged whom, coloured by the share that was accepted; the table All pairs says the same"
        width={width}
        height={layout.height}
        everyMs={pairs.size > 1_000 ? 1_000 : 250}
        onPoint={(x, y) => setPointed(point(x, y))}
        onLeave={() => setPointed(undefined)}
        onPress={(x, y) => {
          const found = point(x, y)
          if (found) onChoose(found)
        }}
        draw={(context) => drawMatrix(context, { width, ids, palette, shares }, layout, pairs.values(), shown)}
      />
      <div class="matrix-foot">
        <p class="matrix-said">
          {pair
            ? `${pair.own} judged ${pair.peer} ${whole(pair.accepted + pair.rejected)} times and accepted ${percent(acceptedShare(pair))}`
            : 'Point at a cell; press it for its verdicts'}
        </p>
        <div class="legend">
          <span class="legend-scale" style={{ backgroundImage: shares.gradient }} aria-hidden="true" />
          <p class="legend-ticks">
            <span class="unseen">Colours: accepted from </span>
            <span>0 %</span>
            <span>
              <span class="unseen">to </span>100 % accepted
            </span>
          </p>
        </div>
      </div>
    </div>
  )
}
