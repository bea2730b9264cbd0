import type { JSX } from 'preact'

const width = 64
const height = 20

/** The shape of a few values beside the newest one; the number says the rest. */
export function Sparkline({ values }: { readonly values: readonly number[] }): JSX.Element | null {
  if (values.length < 3) return null
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const range = most - least || 1
  const points = values.map((value, i) => {
    const x = (i * width) / (values.length - 1)
    return `${x.toFixed(1)},${(height - 3 - ((height - 6) * (value - least)) / range).toFixed(1)}`
  })
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  )
}
