import type { Pair } from '../../../fleet.ts'
import { acceptedShare } from '../model/verdicts.ts'
import type { ColourScale, Palette } from './palette.ts'

export interface MatrixScene {
  /** CSS pixels of a side of the canvas. */
  readonly width: number
  readonly ids: readonly string[]
  readonly palette: Palette
  readonly shares: ColourScale
}

export interface MatrixLayout {
  /** CSS pixels. */
  readonly height: number
  readonly cell: number
  readonly left: number
  readonly top: number
  /** The pair at a point, `own` in its row, `peer` in its column. */
  at(x: number, y: number): { readonly own: string; readonly peer: string } | undefined
}

/** Cells smaller than this have no names beside them. */
const namedCell = 15
const largestCell = 72
const labelRoom = 74

/** How a matrix of these ids fits a width. */
export function matrixLayout({ width, ids }: Pick<MatrixScene, 'width' | 'ids'>): MatrixLayout {
  const count = Math.max(1, ids.length)
  const withNames = (width - labelRoom) / count >= namedCell
  const [left, top] = withNames ? [labelRoom, labelRoom] : [0, 0]
  const cell = Math.min(largestCell, (width - left) / count)
  return {
    ...{ cell, left, top, height: Math.ceil(top + cell * count) },
    at(x, y) {
      const [own, peer] = [ids[Math.floor((y - top) / cell)], ids[Math.floor((x - left) / cell)]]
      return own !== undefined && peer !== undefined && x >= left && y >= top ? { own, peer } : undefined
    },
  }
}

/** Who referred to whom: a row judges a column; the colour is the share that was accepted, the size how often. */
export function drawMatrix(
  context: CanvasRenderingContext2D,
  { width, ids, palette, shares }: MatrixScene,
  layout: MatrixLayout,
  pairs: Iterable<Pair>,
  chosen: { readonly own: string; readonly peer: string } | undefined,
): void {
  const { cell, left, top, height } = layout
  context.clearRect(0, 0, width, height)
  const side = cell * ids.length
  context.strokeStyle = palette.line
  context.lineWidth = 1
  context.strokeRect(left + 0.5, top + 0.5, side - 1, side - 1)
  const place = new Map(ids.map((id, i) => [id, i]))
  const list = [...pairs]
  const most = list.reduce((found, { accepted, rejected }) => Math.max(found, accepted + rejected), 1)
  const gap = cell >= 6 ? 1 : 0
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.font = `600 ${Math.min(14, cell * 0.36)}px ${palette.font}`
  for (const pair of list) {
    const [row, column] = [place.get(pair.own), place.get(pair.peer)]
    if (row === undefined || column === undefined) continue
    const share = acceptedShare(pair)
    const size = cell >= 6 ? (cell - gap) * (0.55 + 0.45 * Math.sqrt((pair.accepted + pair.rejected) / most)) : cell
    const [x, y] = [left + (column + 0.5) * cell, top + (row + 0.5) * cell]
    context.fillStyle = shares.of(share)
    context.fillRect(x - size / 2, y - size / 2, Math.max(1, size), Math.max(1, size))
    if (cell < 34) continue
    context.fillStyle = shares.inkOn(share)
    context.fillText(String(Math.round(100 * share)), x, y + 0.5)
  }
  drawDiagonal(context, ids.length, layout, palette)
  if (left > 0) drawNames(context, ids, layout, palette)
  if (chosen) {
    const [row, column] = [place.get(chosen.own), place.get(chosen.peer)]
    if (row !== undefined && column !== undefined) {
      context.strokeStyle = palette.ink
      context.lineWidth = 2
      context.strokeRect(left + column * cell, top + row * cell, Math.max(cell, 4), Math.max(cell, 4))
    }
  }
}

/** Nobody refers to itself. */
function drawDiagonal(
  context: CanvasRenderingContext2D,
  count: number,
  { cell, left, top }: MatrixLayout,
  palette: Palette,
): void {
  context.strokeStyle = palette.line
  context.lineWidth = 1
  context.beginPath()
  context.moveTo(left, top)
  context.lineTo(left + count * cell, top + count * cell)
  context.stroke()
}

function drawNames(
  context: CanvasRenderingContext2D,
  ids: readonly string[],
  { cell, left, top }: MatrixLayout,
  palette: Palette,
): void {
  context.font = `${Math.min(13, cell * 0.8)}px ${palette.font}`
  context.fillStyle = palette.soft
  context.textBaseline = 'middle'
  for (const [i, id] of ids.entries()) {
    const text = id.length > 10 ? `${id.slice(0, 9)}…` : id
    const at = (i + 0.5) * cell
    context.textAlign = 'right'
    context.fillText(text, left - 8, top + at)
    context.save()
    context.translate(left + at, top - 8)
    context.rotate(-Math.PI / 4)
    context.textAlign = 'left'
    context.fillText(text, 0, 0)
    context.restore()
  }
}
