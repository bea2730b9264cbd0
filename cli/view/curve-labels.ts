import { element, pathData, textElement } from './svg.ts'
import { fit } from './text.ts'

/** A name and a value that belong to the height `y` of the figure. */
export type CurveLabel = {
  readonly name: string
  readonly value: string
  readonly y: number
  readonly colour: string
  readonly bold: boolean
}

/** The labels in a column right of the axis at `right`, each as near to its height as the others allow. */
export function labelColumn(labels: readonly CurveLabel[], right: number, top: number, bottom: number): string[] {
  // equal heights keep the order in which they were given
  const sorted = labels.filter(({ y }) => Number.isFinite(y)).sort((a, b) => a.y - b.y)
  const places = spread(
    sorted.map(({ y }) => y),
    lineHeight,
    top,
    bottom,
  )
  return sorted.flatMap(({ name, value, y, colour, bold }, index) => {
    const at = places[index]!
    const font = { 'font-size': 14, 'font-weight': bold ? 700 : 400, fill: colour }
    const leader = pathData([
      [right + 50, y],
      [right + 62, at],
      [right + 72, at],
    ])
    const stroke = { stroke: colour, 'stroke-width': bold ? 2.5 : 1.5 }
    return [
      element('path', { d: leader, fill: 'none', ...stroke }),
      textElement({ x: right + 118, y: at + 5, 'text-anchor': 'end', ...font, 'font-weight': 700 }, value),
      textElement({ x: right + 126, y: at + 5, ...font }, fit(name, 20)),
    ]
  })
}

const lineHeight = 20

/**
 * Positions for the sorted `wanted` ones with at least `gap` between neighbours, inside [low, high] where they fit.
 * Labels that would touch form a block around the mean of their wanted places.
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  type Block = { sum: number; count: number; start: number }
  const blocks: Block[] = []
  const settle = ({ sum, count }: Block) =>
    Math.max(low, Math.min(high - (count - 1) * gap, sum / count - ((count - 1) * gap) / 2))
  for (const place of wanted) {
    let block: Block = { sum: place, count: 1, start: 0 }
    block.start = settle(block)
    for (let above = blocks.at(-1); above && above.start + above.count * gap > block.start; above = blocks.at(-1)) {
      blocks.pop()
      block = { sum: above.sum + block.sum, count: above.count + block.count, start: 0 }
      block.start = settle(block)
    }
    blocks.push(block)
  }
  return blocks.flatMap(({ start, count }) => Array.from({ length: count }, (_, index) => start + index * gap))
}
