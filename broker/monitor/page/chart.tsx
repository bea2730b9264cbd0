import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { Palette } from './draw/palette.ts'
import { useColours, useSize, useTools } from './hooks.ts'

export interface ChartProps {
  /** What is drawn, for those who do not see it; where the same can be read. */
  readonly label: string
  readonly height: number
  readonly everyMs: number
  /** Makes the curves and axes; called again where the theme or `version` changes. */
  readonly options: (palette: Palette) => Pick<uPlot.Options, 'series' | 'scales' | 'axes' | 'bands' | 'hooks'>
  /** Changes where other curves are drawn. */
  readonly version: string
  /** What is newest. */
  readonly data: () => uPlot.AlignedData
  /** Told the index of the point under the pointer. */
  readonly onPoint?: (index: number | undefined) => void
}

/** Curves over an axis, drawn in frames. */
export function Chart({ label, height, everyMs, options, version, data, onPoint }: ChartProps): JSX.Element {
  const { loop } = useTools()
  const { palette } = useColours()
  const { ref, width } = useSize<HTMLDivElement>()
  const latest = useRef({ data, options, onPoint })
  latest.current = { data, options, onPoint }
  const plot = useRef<uPlot | undefined>(undefined)
  const seen = width > 0

  useEffect(() => {
    const element = ref.current
    if (!element || !seen) return
    const made = new uPlot(
      {
        ...latest.current.options(palette),
        ...{ width: element.clientWidth, height, legend: { show: false }, pxAlign: 0 },
        cursor: { drag: { x: false, y: false }, points: { size: 6 }, y: false },
        hooks: {
          ...latest.current.options(palette).hooks,
          setCursor: [({ cursor }) => latest.current.onPoint?.(cursor.idx ?? undefined)],
        },
      },
      latest.current.data(),
      element,
    )
    plot.current = made
    const end = loop.add(everyMs, () => made.setData(latest.current.data()))
    return () => {
      end()
      plot.current = undefined
      made.destroy()
    }
  }, [palette, version, height, loop, everyMs, seen])
  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height })
  }, [width, height])

  // As high without its curves, so that nothing jumps when they are drawn anew.
  return <div ref={ref} class="chart" role="img" aria-label={label} style={{ minHeight: `${height}px` }} />
}

/** An axis in the colours and type of the page. */
export function axis(palette: Palette, part: uPlot.Axis = {}): uPlot.Axis {
  return {
    stroke: palette.soft,
    font: `12px ${palette.font}`,
    labelFont: `12px ${palette.font}`,
    grid: { stroke: palette.line, width: 1 },
    ticks: { show: false },
    ...part,
  }
}
