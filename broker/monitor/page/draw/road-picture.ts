import { fitRoad, type RoadFit, type RoadShape, roadHalfWidth } from '../../../../schemas/road-shape.ts'
import type { WorldMessage } from '../../../../schemas/run.ts'
import { drawBody, drawForced, drawMark } from './car-shapes.ts'
import type { ColourScale, Palette } from './palette.ts'

/** Where a car was drawn, CSS pixels from the upper left of the picture. */
export interface DrawnCar {
  readonly id: string
  readonly x: number
  readonly y: number
}

export interface RoadScene {
  readonly shape: RoadShape
  readonly width: number
  readonly height: number
  readonly palette: Palette
  readonly speeds: ColourScale
  /** Speed at the end of the colour scale, m/s. */
  readonly topSpeed: number
}

/** m */
const carLength = 5
const carWidth = 1.8
/** CSS pixels below which a car is drawn larger than it is. */
const least = { length: 10, width: 5.5, lane: 9 } as const
/** Room around the road for halos and labels, m and pixels. */
const margin = 6

/** A road and its cars on a canvas; the road is drawn once. */
export interface RoadPicture {
  /** Draws what is newest; returns where. */
  draw(
    context: CanvasRenderingContext2D,
    cars: WorldMessage['cars'],
    marked: string | undefined,
    labels: boolean,
  ): readonly DrawnCar[]
}

export function createRoadPicture(scene: RoadScene, ratio: number): RoadPicture {
  const { shape, width, height, palette, speeds, topSpeed } = scene
  const fit = fitRoad(shape, width, height, margin)
  const road = new OffscreenCanvas(Math.max(1, width * ratio), Math.max(1, height * ratio))
  const base = road.getContext('2d')
  if (base) {
    base.scale(ratio, ratio)
    drawRoad(base, scene, fit)
  }
  const length = Math.max(least.length, carLength * fit.scale)
  const breadth = Math.max(least.width, carWidth * fit.scale)
  const metres = length / fit.scale

  const drawCar = (context: CanvasRenderingContext2D, id: string, car: Car): DrawnCar => {
    const { kind, s, v, braking } = car
    const [fx, fy] = fit.project(...shape.place(s))
    const [bx, by] = fit.project(...shape.place(s - metres))
    const [x, y] = [(fx + bx) / 2, (fy + by) / 2]
    context.save()
    context.translate(x, y)
    context.rotate(Math.atan2(fy - by, fx - bx))
    const learner = kind === 'learner'
    if (braking && learner) drawForced(context, length, palette)
    drawBody(context, { length, breadth, learner, colour: speeds.of(v / topSpeed), palette })
    context.restore()
    return { id, x, y }
  }
  /** Where cars would cover each other they are dots: more would not be seen, and cost what is needed elsewhere. */
  const drawDot = (context: CanvasRenderingContext2D, id: string, { s, v }: Car): DrawnCar => {
    const [x, y] = fit.project(...shape.place(s))
    context.fillStyle = speeds.of(v / topSpeed)
    context.fillRect(x - 2, y - 2, 4, 4)
    return { id, x, y }
  }

  return {
    draw(context, cars, marked, labels) {
      context.clearRect(0, 0, width, height)
      context.drawImage(road, 0, 0, width, height)
      const list = Object.entries(cars)
      const crowded = list.length * length > shape.loopLength * fit.scale
      const drawn = list.map(([id, car]) => (crowded ? drawDot : drawCar)(context, id, car))
      for (const { id, x, y } of drawn) {
        if (id === marked) drawMark(context, x, y, length, palette)
        if (id === marked || (labels && !crowded))
          drawLabel(context, scene, id === marked ? `${id}  ${cars[id]?.v.toFixed(1)} m/s` : id, x, y, length)
      }
      return drawn
    },
  }
}

type Car = WorldMessage['cars'][string]

/** The car nearest to a point, at most `reach` away. */
export function carAt(drawn: readonly DrawnCar[], x: number, y: number, reach = 18): string | undefined {
  let best: string | undefined
  let nearest = reach
  for (const car of drawn) {
    const distance = Math.hypot(car.x - x, car.y - y)
    if (distance <= nearest) [best, nearest] = [car.id, distance]
  }
  return best
}

function drawRoad(
  context: OffscreenCanvasRenderingContext2D,
  { shape, palette }: RoadScene,
  { project, scale }: RoadFit,
): void {
  const lane = Math.max(least.lane, 2 * roadHalfWidth * scale)
  const path = (from: number, to: number): Path2D => {
    const found = new Path2D()
    const points = Math.max(2, Math.ceil(((to - from) * scale) / 2))
    for (let k = 0; k <= points; k++) {
      const [x, y] = project(...shape.place(from + ((to - from) * k) / points))
      if (k === 0) found.moveTo(x, y)
      else found.lineTo(x, y)
    }
    return found
  }
  const loop = path(0, shape.loopLength)
  context.lineJoin = 'round'
  context.lineCap = 'butt'
  for (const [colour, width] of [
    [palette.edge, lane + 2.5],
    [palette.road, lane],
  ] as const) {
    context.strokeStyle = colour
    context.lineWidth = width
    context.stroke(loop)
  }
  for (const { line, from, to } of shape.conflicts) {
    context.strokeStyle = palette.edge
    context.globalAlpha = 0.55
    context.lineWidth = lane
    context.stroke(path(from, to))
    context.globalAlpha = 1
    context.strokeStyle = palette.soft
    context.lineWidth = 2
    const [[ax, ay], [bx, by]] = [project(...shape.place(line - 0.5)), project(...shape.place(line + 0.5))]
    const size = Math.hypot(bx - ax, by - ay)
    const [nx, ny] = [(-(by - ay) * lane) / (2 * size), ((bx - ax) * lane) / (2 * size)]
    const [x, y] = [(ax + bx) / 2, (ay + by) / 2]
    context.beginPath()
    context.moveTo(x - nx, y - ny)
    context.lineTo(x + nx, y + ny)
    context.stroke()
  }
  drawDirections(context, shape, project, palette)
}

/** Chevrons that say which way is driven; one-way roads have no other sign of it. */
function drawDirections(
  context: OffscreenCanvasRenderingContext2D,
  shape: RoadShape,
  project: RoadFit['project'],
  palette: Palette,
): void {
  const count = Math.max(4, Math.min(24, Math.round(shape.loopLength / 35)))
  context.strokeStyle = palette.soft
  context.globalAlpha = 0.45
  context.lineWidth = 1.5
  context.lineCap = 'round'
  for (let k = 0; k < count; k++) {
    const s = ((k + 0.5) * shape.loopLength) / count
    if (shape.conflicts.some(({ line, to }) => s > line - 6 && s < to + 6)) continue
    const [[ax, ay], [bx, by]] = [project(...shape.place(s)), project(...shape.place(s + 0.5))]
    context.save()
    context.translate(ax, ay)
    context.rotate(Math.atan2(by - ay, bx - ax))
    context.beginPath()
    context.moveTo(-2, -3)
    context.lineTo(1.5, 0)
    context.lineTo(-2, 3)
    context.stroke()
    context.restore()
  }
  context.globalAlpha = 1
}

function drawLabel(
  context: CanvasRenderingContext2D,
  { palette, width, height }: RoadScene,
  text: string,
  x: number,
  y: number,
  length: number,
): void {
  context.font = `600 12px ${palette.font}`
  const wide = context.measureText(text).width + 12
  const left = Math.min(width - wide - 2, Math.max(2, x - wide / 2))
  const above = y - length - 22
  const top = above > 2 ? above : Math.min(height - 22, y + length + 2)
  context.beginPath()
  context.roundRect(left, top, wide, 20, 5)
  context.fillStyle = palette.card
  context.globalAlpha = 0.92
  context.fill()
  context.globalAlpha = 1
  context.strokeStyle = palette.line
  context.lineWidth = 1
  context.stroke()
  context.fillStyle = palette.ink
  context.textBaseline = 'middle'
  context.textAlign = 'left'
  context.fillText(text, left + 6, top + 10.5)
}
