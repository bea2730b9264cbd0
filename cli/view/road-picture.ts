import { fitRoad, type RoadShape, roadHalfWidth } from '../../schemas/road-shape.ts'

/** One car as it is drawn. */
export interface CarView {
  readonly id: string
  readonly learner: boolean
  /** Loop coordinate of the front bumper, m. */
  readonly position: number
  /** m/s */
  readonly speed: number
  /** Safety lowers its command. */
  readonly forced: boolean
}

/** A character of the picture: a car's, a piece of road or nothing. */
export type PictureCell = { readonly glyph: string; readonly car?: CarView }

/** Characters for cars: told apart by shape, so that they can be read without colour. */
export const carGlyph = { driver: '○', learner: '●', forced: '◆' } as const

/** m */
const carHalfLength = 2.5
const carHalfWidth = 0.9
/** Dots a metre from which on cars are drawn with their bodies. */
const bodyScale = 1.6

/**
 * The road from above in `width` × `height` characters, its edges in braille dots, one character per car. Turned by an
 * eighth where that makes it larger (the figure eight then lies). Where two cars fall on one character the later one moves
 * to the nearest free one.
 */
export function roadPicture(
  shape: RoadShape,
  cars: readonly CarView[],
  width: number,
  height: number,
): readonly (readonly PictureCell[])[] {
  const view = fitted(shape, width * 2, height * 4)
  const road = createDots(width, height)
  for (const point of edgePoints(shape, view.dotsPerMetre)) road.set(view.project(...point))
  const drawn = new Map<number, PictureCell>()
  if (view.dotsPerMetre >= bodyScale)
    for (const car of cars) {
      const body = createDots(width, height)
      for (const point of bodyPoints(shape, car.position, view.dotsPerMetre)) body.set(view.project(...point))
      for (const [cell, bits] of body.cells) drawn.set(cell, { glyph: glyphOfDots(bits), car })
    }
  const taken = new Set<number>()
  for (const car of cars) {
    const [column, row] = view.project(...shape.place(car.position - carHalfLength))
    const cell = nearestFree(taken, column >> 1, row >> 2, width, height)
    if (cell === undefined) continue
    taken.add(cell)
    drawn.set(cell, { glyph: glyphOf(car), car })
  }
  return Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) => {
      const cell = row * width + column
      return drawn.get(cell) ?? { glyph: glyphOfDots(road.cells.get(cell) ?? 0) }
    }),
  )
}

/** The character of a car: a circle, filled where it learns, or a diamond. */
export function glyphOf({ learner, forced }: Pick<CarView, 'learner' | 'forced'>): string {
  return forced ? carGlyph.forced : learner ? carGlyph.learner : carGlyph.driver
}

interface View {
  readonly dotsPerMetre: number
  /** Dot column and row of a point, the row counted downwards. */
  project(x: number, y: number): [column: number, row: number]
}

function fitted(shape: RoadShape, columns: number, rows: number): View {
  const { scale, project } = fitRoad(shape, columns - 1, rows - 1)
  return {
    dotsPerMetre: scale,
    project(x, y) {
      const [column, row] = project(x, y)
      return [Math.round(column), Math.round(row)]
    },
  }
}

/** Points along both edges of the road, closer than a dot; none where roads cross. */
function* edgePoints(shape: RoadShape, dotsPerMetre: number): Generator<readonly [number, number]> {
  const { loopLength, conflicts } = shape
  const crossings = conflicts.map(({ from, to }) => shape.place((from + to) / 2))
  const count = Math.ceil(loopLength * Math.max(1, dotsPerMetre) * 1.5)
  const half = loopLength / count / 2
  for (let k = 0; k < count; k++) {
    const s = (k * loopLength) / count
    const [x, y] = shape.place(s)
    const [ax, ay] = shape.place(s - half)
    const [bx, by] = shape.place(s + half)
    const length = Math.hypot(bx - ax, by - ay)
    if (length === 0) continue
    const [nx, ny] = [(-(by - ay) * roadHalfWidth) / length, ((bx - ax) * roadHalfWidth) / length]
    for (const [ex, ey] of [
      [x + nx, y + ny],
      [x - nx, y - ny],
    ] as const) {
      if (crossings.every(([cx, cy]) => Math.hypot(ex - cx, ey - cy) > Math.SQRT2 * roadHalfWidth)) yield [ex, ey]
    }
  }
}

/** Points all over a car, closer than a dot. */
function* bodyPoints(shape: RoadShape, position: number, dotsPerMetre: number): Generator<readonly [number, number]> {
  const step = 0.7 / dotsPerMetre
  for (let back = 0; back <= 2 * carHalfLength; back += step) {
    const [x, y] = shape.place(position - back)
    const [ax, ay] = shape.place(position - back - 0.1)
    const length = Math.hypot(x - ax, y - ay)
    if (length === 0) continue
    for (let side = -carHalfWidth; side <= carHalfWidth; side += step)
      yield [x - (side * (y - ay)) / length, y + (side * (x - ax)) / length]
  }
}

interface Dots {
  /** The dots of each character that has any, as bits. */
  readonly cells: ReadonlyMap<number, number>
  set(dot: readonly [column: number, row: number]): void
}

function createDots(width: number, height: number): Dots {
  const cells = new Map<number, number>()
  return {
    cells,
    set([column, row]) {
      if (column < 0 || row < 0 || column >= width * 2 || row >= height * 4) return
      const cell = (row >> 2) * width + (column >> 1)
      cells.set(cell, (cells.get(cell) ?? 0) | brailleDots[(row & 3) * 2 + (column & 1)]!)
    },
  }
}

function glyphOfDots(bits: number): string {
  return bits === 0 ? ' ' : String.fromCharCode(0x2800 + bits)
}

/** The cell at (column, row), or the nearest one within two rows that no car has. */
function nearestFree(
  taken: ReadonlySet<number>,
  column: number,
  row: number,
  width: number,
  height: number,
): number | undefined {
  for (const [dx, dy] of neighbours) {
    const [x, y] = [column + dx, row + dy]
    if (x < 0 || y < 0 || x >= width || y >= height) continue
    if (!taken.has(y * width + x)) return y * width + x
  }
  return undefined
}

/** Offsets within two cells, nearest first; a row is twice as high as a column is wide. */
const neighbours: readonly (readonly [number, number])[] = [-2, -1, 0, 1, 2]
  .flatMap((dy) => [-2, -1, 0, 1, 2].map((dx) => [dx, dy] as const))
  .sort(([ax, ay], [bx, by]) => Math.hypot(ax, 2 * ay) - Math.hypot(bx, 2 * by))

// bit of each dot in U+2800 …, row by row, left and right
const brailleDots = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]
