import type { Conflict } from '../../../../schemas/road-shape.ts'
import type { WorldTrack } from '../model/world-track.ts'
import type { ColourScale, Palette } from './palette.ts'

export interface StripScene {
  readonly width: number
  readonly height: number
  readonly palette: Palette
  readonly speeds: ColourScale
  /** Speed at the end of the colour scale, m/s. */
  readonly topSpeed: number
  /** Height of the axis, m. */
  readonly loopLength: number
  readonly conflicts: readonly Conflict[]
}

/** CSS pixels around the plot. */
const pad = { left: 46, right: 10, top: 8, bottom: 24 } as const
/** Spans of time that a strip may show, s; the shortest that holds enough frames is taken. */
const spans = [60, 120, 300, 900] as const
const framesWanted = 240
/** Pieces of line drawn at once when the strip is drawn anew. */
const maxPieces = 12_000

/**
 * Position along the loop over time, coloured by speed, the newest at the right. New frames are added to a picture that is
 * pushed along, so that the cost of a frame does not depend on how long the strip is.
 */
export interface TimeSpaceStrip {
  draw(context: CanvasRenderingContext2D, track: WorldTrack): void
}

export function createTimeSpaceStrip(scene: StripScene, ratio: number): TimeSpaceStrip {
  const { width, height, palette, loopLength } = scene
  const plot = { width: Math.max(1, width - pad.left - pad.right), height: Math.max(1, height - pad.top - pad.bottom) }
  const canvas = new OffscreenCanvas(Math.ceil(plot.width * ratio), Math.ceil(plot.height * ratio))
  const moving = canvas.getContext('2d')
  let generation = -1
  let drawnTo = 0
  let seconds: number = spans[0]

  const y = (s: number): number => plot.height * (1 - s / loopLength) * ratio

  const segments = (track: WorldTrack, from: number, stride: number): void => {
    if (!moving) return
    const newest = track.timeOf(track.count - 1)
    moving.lineCap = 'round'
    const x = (time: number): number => canvas.width - ((newest - time) * canvas.width) / seconds
    for (let frame = from; frame < track.count; frame += stride) {
      const before = frame - stride
      const [x0, x1] = [x(track.timeOf(before)), x(track.timeOf(frame))]
      if (startsBetween(track, before, frame)) {
        moving.fillStyle = palette.soft
        moving.fillRect(Math.round(x1), 0, 1, canvas.height)
        continue
      }
      for (let car = 0; car < track.cars.length; car++) {
        const [s0, s1] = [track.positionOf(before, car), track.positionOf(frame, car)]
        if (!(s0 >= 0 && s1 >= 0)) continue
        moving.strokeStyle = scene.speeds.of(track.speedOf(frame, car) / scene.topSpeed)
        moving.lineWidth = (track.learner[car] ? 2.4 : 1.2) * ratio
        moving.beginPath()
        moving.moveTo(x0, y(s0))
        if (s1 < s0 - loopLength / 2) {
          // The loop closes: out at the top, in at the bottom.
          const closes = x0 + ((x1 - x0) * (loopLength - s0)) / (loopLength - s0 + s1)
          moving.lineTo(closes, y(loopLength))
          moving.moveTo(closes, y(0))
        }
        moving.lineTo(x1, y(s1))
        moving.stroke()
      }
    }
  }

  const anew = (track: WorldTrack): void => {
    moving?.clearRect(0, 0, canvas.width, canvas.height)
    const oldest = track.timeOf(track.count - 1) - seconds
    let from = track.count - 1
    while (from > track.first + 1 && track.timeOf(from) > oldest) from--
    const pieces = (track.count - from) * track.cars.length
    const stride = Math.max(1, Math.ceil(pieces / maxPieces))
    segments(track, Math.max(from, track.first + stride), stride)
  }

  const push = (track: WorldTrack): void => {
    const [was, now] = [track.timeOf(drawnTo - 1), track.timeOf(track.count - 1)]
    const shift = Math.round((now * canvas.width) / seconds) - Math.round((was * canvas.width) / seconds)
    if (moving && shift > 0) {
      moving.globalCompositeOperation = 'copy'
      moving.drawImage(canvas, -shift, 0)
      moving.globalCompositeOperation = 'source-over'
    }
    segments(track, drawnTo, 1)
  }

  return {
    draw(context, track) {
      if (track.count > 1 && (generation !== track.generation || drawnTo !== track.count)) {
        const wanted = spanOf(track, seconds)
        const missed = (track.count - drawnTo) * track.cars.length
        const fresh =
          generation !== track.generation || wanted !== seconds || drawnTo <= track.first || missed > maxPieces / 4
        seconds = wanted
        if (fresh) anew(track)
        else push(track)
        generation = track.generation
        drawnTo = track.count
      }
      context.clearRect(0, 0, width, height)
      drawBands(context, scene, plot)
      context.drawImage(canvas, pad.left, pad.top, plot.width, plot.height)
      drawAxes(context, scene, plot, seconds)
    },
  }
}

function startsBetween(track: WorldTrack, before: number, frame: number): boolean {
  for (let k = before + 1; k <= frame; k++) if (track.startsEpoch(k)) return true
  return false
}

/** The span that shows enough of the frames as they come; the present one where it still does. */
function spanOf(track: WorldTrack, present: number): number {
  const last = track.count - 1
  const back = Math.min(50, last - track.first)
  if (back < 10) return present
  const spacing = (track.timeOf(last) - track.timeOf(last - back)) / back
  const wanted = spans.find((span) => span >= spacing * framesWanted) ?? spans[spans.length - 1]!
  const ratio = wanted / present
  return ratio > 1 && spacing * framesWanted < present * 1.3 ? present : wanted
}

interface Size {
  readonly width: number
  readonly height: number
}

function drawBands(
  context: CanvasRenderingContext2D,
  { palette, conflicts, loopLength }: StripScene,
  plot: Size,
): void {
  context.fillStyle = palette.sunken
  context.fillRect(pad.left, pad.top, plot.width, plot.height)
  context.fillStyle = palette.edge
  context.globalAlpha = 0.5
  for (const { from, to } of conflicts) {
    const [top, bottom] = [to, from].map((s) => pad.top + plot.height * (1 - s / loopLength)) as [number, number]
    context.fillRect(pad.left, top, plot.width, Math.max(2, bottom - top))
  }
  context.globalAlpha = 1
}

function drawAxes(
  context: CanvasRenderingContext2D,
  { palette, loopLength }: StripScene,
  plot: Size,
  seconds: number,
): void {
  context.font = `12px ${palette.font}`
  context.fillStyle = palette.soft
  context.textBaseline = 'middle'
  context.textAlign = 'right'
  const step = loopLength > 2_000 ? 1_000 : loopLength > 800 ? 200 : 100
  for (let s = 0; s <= loopLength; s += step) {
    const y = pad.top + plot.height * (1 - s / loopLength)
    context.fillText(
      s === 0 ? '0 m' : String(s),
      pad.left - 8,
      Math.min(pad.top + plot.height - 6, Math.max(pad.top + 6, y)),
    )
  }
  context.textBaseline = 'top'
  const tick = seconds / 4
  for (let k = 0; k <= 4; k++) {
    const x = pad.left + plot.width * (1 - (k * tick) / seconds)
    context.textAlign = k === 0 ? 'right' : k === 4 ? 'left' : 'center'
    context.fillText(k === 0 ? 'now' : `−${k * tick} s`, x, pad.top + plot.height + 8)
  }
}
