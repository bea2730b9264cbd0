import { orderOf, type Passage, passagesOf } from '../sim-bridge/passages.ts'
import { networkOfLength, type RoadShape, roadShape } from '../sim-bridge/sim/geometry.ts'
import type { Trajectory } from '../sim-bridge/trajectory.ts'
import { crossingDiagram } from './view/crossing.ts'
import type { FigureHead } from './view/figure.ts'
import { meanSpeeds, speedCurves } from './view/speeds.ts'
import { timeSpaceDiagram } from './view/time-space.ts'

/** What the pictures of an epoch show, as numbers. */
export interface EpochFigures {
  /** m/s, of all cars over all steps. */
  readonly meanSpeed: number
  /** Commands that safety lowered, counted per step and car. */
  readonly forcedBrakings: number
  /** Cars that passed a stop line of the crossing; null on a network without one, as the two below. */
  readonly entries: number | null
  readonly entriesPerMinute: number | null
  /** m/s at the stop line; null also where no car passed it. */
  readonly meanEntrySpeed: number | null
  /** The last 28 entries: A and a on the major road, B and b on the minor one, capitals for learners. */
  readonly order: string
}

/** An epoch with what was computed of it. */
export interface ShownEpoch {
  readonly trajectory: Trajectory
  readonly shape: RoadShape
  readonly passages: readonly Passage[]
  readonly figures: EpochFigures
}

/** Computes what is drawn of an epoch. */
export function showEpoch(trajectory: Trajectory): ShownEpoch {
  const { steps, stepLength, braking, loopLength } = trajectory
  const shape = roadShape(networkOfLength(loopLength), loopLength)
  const passages = passagesOf(trajectory, shape.conflicts)
  const crossed = shape.conflicts.length > 0
  const figures = {
    meanSpeed: meanOf(meanSpeeds(trajectory)),
    forcedBrakings: braking.reduce((sum, value) => sum + value, 0),
    entries: crossed ? passages.length : null,
    entriesPerMinute: crossed ? (60 * passages.length) / (steps * stepLength) : null,
    meanEntrySpeed: passages.length > 0 ? meanOf(passages.map(({ entrySpeed }) => entrySpeed)) : null,
    order: orderOf(passages.slice(-28)),
  }
  return { trajectory, shape, passages, figures }
}

/** The speed at the top of the axes of pictures that are to be compared, m/s: the fastest car's, rounded up to 5. */
export function topSpeedOf(epochs: readonly ShownEpoch[]): number {
  let top = 0
  for (const { trajectory } of epochs) for (const speed of trajectory.speed) if (speed > top) top = speed
  return Math.max(5, 5 * Math.ceil(top / 5))
}

/** The pictures of an epoch as SVG text by name. `baseline`: mean speed of the drivers alone, m/s. */
export function drawEpoch(
  { trajectory, shape, passages, figures }: ShownEpoch,
  topSpeed: number,
  baseline: number | undefined,
): Map<string, string> {
  const head = (title: string, result: string): FigureHead => ({
    title: `${title}: ${nameOf(trajectory)}`,
    subtitle: [...factsOf(trajectory), result].join(' · '),
  })
  const speed = `mean speed ${figures.meanSpeed.toFixed(2)} m/s`
  const pictures = new Map([
    ['time-space', timeSpaceDiagram({ head: head('Time and space', speed), trajectory, shape, topSpeed })],
    [
      'speeds',
      speedCurves({
        head: head('Speeds', speed),
        trajectory,
        topSpeed,
        ...(baseline !== undefined && trajectory.epoch > 0 && { baseline }),
      }),
    ],
  ])
  if (figures.entriesPerMinute !== null) {
    const entries = `${figures.entriesPerMinute.toFixed(1)} entries a minute at ${figures.meanEntrySpeed?.toFixed(2) ?? '–'} m/s`
    const { vehicles, steps, stepLength } = trajectory
    const order = `${entries} · last entries ${figures.order}`
    pictures.set(
      'crossing',
      crossingDiagram({
        head: head('The crossing', order),
        passages,
        vehicles,
        seconds: steps * stepLength,
        topSpeed,
      }),
    )
  }
  return pictures
}

function nameOf({ epoch, driver }: Trajectory): string {
  return epoch === 0 ? 'drivers alone' : `${driver}, epoch ${epoch}`
}

function factsOf({ preset, sim, seed, vehicles, learner }: Trajectory): string[] {
  const learners = learner.filter((learns) => learns).length
  return [preset, sim, `seed ${seed}`, `${vehicles.length} cars, ${learners} of them learners`]
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
