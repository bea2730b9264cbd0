import type { JSX } from 'preact'
import type uPlot from 'uplot'
import { axis, Chart } from '../chart.tsx'
import { useTools } from '../hooks.ts'
import { newestVerdicts } from '../model/verdicts.ts'
import type { Chosen } from './collaboration.tsx'
import { timeAxis, untilNow } from './time-axis.ts'

/** Points that are drawn at most. */
const maxPoints = 800

/** α of each accepted mix: of all, or of the pair that is chosen. */
export function AlphaChart({ chosen }: { readonly chosen: Chosen | undefined }): JSX.Element {
  const { page } = useTools()
  const version = chosen ? `${chosen.own}>${chosen.peer}` : ''
  return (
    <Chart
      label="α of each accepted mix over time; the tables of verdicts hold the same figures"
      height={200}
      everyMs={1_000}
      version={version}
      options={(palette) => ({
        scales: { x: { time: false, range: untilNow }, y: { range: [0, 1] } },
        axes: [timeAxis(palette), axis(palette, { label: 'α', labelSize: 20, size: 44 })],
        series: [
          {},
          {
            ...{ stroke: palette.accent, paths: () => null },
            points: { show: true, size: 5, fill: palette.accent, stroke: palette.accent, width: 0 },
          },
        ],
      })}
      data={() => {
        const verdicts = newestVerdicts(page.fleet, chosen?.own, chosen?.peer, 5_000)
        const nowS = performance.now() / 1_000
        const taken = verdicts.filter(({ message }) => message.accepted && typeof message.alpha === 'number')
        const points = taken.slice(0, maxPoints).reverse()
        return [
          points.map(({ atMs }) => atMs / 1_000 - nowS),
          points.map(({ message }) => message.alpha),
        ] as uPlot.AlignedData
      }}
    />
  )
}
