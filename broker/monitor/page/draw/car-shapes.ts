import type { Palette } from './palette.ts'

/** A car as it is drawn; the context's origin is its middle, its x axis points forward. */
export interface Body {
  readonly length: number
  readonly breadth: number
  readonly learner: boolean
  readonly colour: string
  readonly palette: Palette
}

/** Learners are filled and pointed, drivers are hollow and blunt: told apart without colour. */
export function drawBody(context: CanvasRenderingContext2D, { length, breadth, learner, colour, palette }: Body): void {
  const [l, b] = [length / 2, breadth / 2]
  context.beginPath()
  if (learner) {
    context.moveTo(l, 0)
    context.lineTo(l - b * 1.1, b)
    context.lineTo(-l, b)
    context.lineTo(-l, -b)
    context.lineTo(l - b * 1.1, -b)
    context.closePath()
    context.fillStyle = colour
    context.fill()
    context.strokeStyle = palette.card
    context.lineWidth = 1
    context.stroke()
    return
  }
  context.roundRect(-l + 1, -b + 1, length - 2, breadth - 2, b * 0.7)
  context.fillStyle = palette.card
  context.fill()
  context.strokeStyle = colour
  context.lineWidth = 2
  context.stroke()
}

/** A diamond around a car whose command safety lowers. */
export function drawForced(context: CanvasRenderingContext2D, length: number, palette: Palette): void {
  const reach = length * 0.78
  context.beginPath()
  context.moveTo(reach, 0)
  context.lineTo(0, reach * 0.68)
  context.lineTo(-reach, 0)
  context.lineTo(0, -reach * 0.68)
  context.closePath()
  context.strokeStyle = palette.bad
  context.lineWidth = 2
  context.stroke()
}

/** A ring around the car that is looked at. */
export function drawMark(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  length: number,
  palette: Palette,
): void {
  context.beginPath()
  context.arc(x, y, length * 0.85, 0, 2 * Math.PI)
  context.strokeStyle = palette.ink
  context.lineWidth = 2
  context.stroke()
}
