import { type Conflict, roadShape } from '../schemas/road-shape.ts'
import { nasSpeed } from '../schemas/setting.ts'
import { orderOf, type Passage, passagesOf } from '../sim-bridge/trajectory/passages.ts'
import type { Trajectory } from '../sim-bridge/trajectory/trajectory.ts'
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
  /** Where the crossing is; none on a network without one. */
  readonly conflicts: readonly Conflict[]
  readonly passages: readonly Passage[]
  readonly figures: EpochFigures
}

/** Computes what is drawn of an epoch. */
export function showEpoch(trajectory: Trajectory): ShownEpoch {
  const { steps, stepLength, braking, network, loopLength } = trajectory
  const conflicts = roadShape(network, loopLength)?.conflicts ?? []
  const passages = passagesOf(trajectory, conflicts)
  const crossed = conflicts.length > 0
  const figures = {
    meanSpeed: meanOf(meanSpeeds(trajectory)),
    forcedBrakings: braking.reduce((sum, value) => sum + value, 0),
    entries: crossed ? passages.length : null,
    entriesPerMinute: crossed ? (60 * passages.length) / (steps * stepLength) : null,
    meanEntrySpeed: passages.length > 0 ? meanOf(passages.map(({ entrySpeed }) => entrySpeed)) : null,
    order: orderOf(passages.slice(-28)),
  }
  return { trajectory, conflicts, passages, figures }
}

/** What pictures that are to be compared have in common. */
export interface Scales {
  /** End of the colours and of the speed axis, m/s. */
  readonly topSpeed: number
  /** End of the axis of speeds at the stop line, m/s. */
  readonly topEntrySpeed: number
  /** Mean speed of the drivers alone, m/s, if it is known. */
  readonly baseline: number | undefined
}

/** Scales to 20 m/s (10 m/s at the stop line), where NAS is 1, or to the next 5 m/s that all epochs fit under. */
export function scalesOf(epochs: readonly ShownEpoch[], baseline: number | undefined): Scales {
  let top = nasSpeed
  let topEntry = nasSpeed / 2
  for (const { trajectory, passages } of epochs) {
    for (const speed of trajectory.speed) if (speed > top) top = speed
    for (const { entrySpeed } of passages) if (entrySpeed > topEntry) topEntry = entrySpeed
  }
  const roundUp = (speed: number): number => 5 * Math.ceil(speed / 5)
  return { topSpeed: roundUp(top), topEntrySpeed: roundUp(topEntry), baseline }
}

/** The pictures of an epoch as SVG text by name; `name` says in their titles which epoch it is. */
export function drawEpoch(name: string, shown: ShownEpoch, scales: Scales): Map<string, string> {
  const { trajectory, conflicts, passages, figures } = shown
  const { topSpeed, topEntrySpeed, baseline } = scales
  const { vehicles, steps, stepLength } = trajectory
  const head = (title: string, result: string): FigureHead => ({
    title: `${title}: ${name}`,
    subtitle: [...factsOf(trajectory), result].join(' · '),
  })
  const speed = `mean speed ${figures.meanSpeed.toFixed(2)} m/s`
  const pictures = new Map([
    ['time-space', timeSpaceDiagram({ head: head('Time and space', speed), trajectory, conflicts, topSpeed })],
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
  if (figures.entriesPerMinute === null) return pictures
  const entries = `${figures.entriesPerMinute.toFixed(1)} entries a minute at ${figures.meanEntrySpeed?.toFixed(2) ?? '–'} m/s`
  const crossing = crossingDiagram({
    head: head('The crossing', `${entries} · last entries ${figures.order}`),
    passages,
    vehicles,
    seconds: steps * stepLength,
    topSpeed,
    topEntrySpeed,
  })
  return pictures.set('crossing', crossing)
}

/** Which epoch of a run a trajectory is, for titles. */
export function epochName({ epoch, driver }: Trajectory): string {
  return epoch === 0 ? 'drivers alone' : `${driver}, epoch ${epoch}`
}

function factsOf({ network, preset, sim, seed, vehicles, learner }: Trajectory): string[] {
  const learners = learner.filter((learns) => learns).length
  return [network, preset, sim, `seed ${seed}`, `${vehicles.length} cars, ${learners} of them learners`]
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
