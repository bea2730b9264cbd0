import type { Conflict } from '../../schemas/road-shape.ts'
import type { Trajectory } from './trajectory.ts'

/** A car's way through a stretch that it shares with the other road. */
export interface Passage {
  /** Index of the car. */
  readonly car: number
  readonly learner: boolean
  readonly road: Conflict['road']
  /** When its front passed the stop line, s since the epoch's start; between two steps in proportion. */
  readonly entered: number
  /** m/s, in the step in which it passed the line. */
  readonly entrySpeed: number
  /** From when to when it was in the other road's way, s; the epoch's end where that came first. */
  readonly from: number
  readonly to: number
}

/** m: from a car's front to its rear. */
const carLength = 5

/** All passages of an epoch in the order of entry (equal times: by car). */
export function passagesOf(trajectory: Trajectory, conflicts: readonly Conflict[]): Passage[] {
  const passages: Passage[] = []
  const end = trajectory.steps * trajectory.stepLength
  for (const [car, learner] of trajectory.learner.entries())
    for (const { road, line, from, to } of conflicts) {
      const reached = passings(trajectory, car, from)
      const gone = passings(trajectory, car, to + carLength)
      for (const { time: entered, step } of passings(trajectory, car, line)) {
        const after = (times: readonly { time: number }[]): number =>
          times.find(({ time }) => time > entered)?.time ?? end
        const entrySpeed = trajectory.speed[step * trajectory.vehicles.length + car]!
        passages.push({ car, learner, road, entered, entrySpeed, from: after(reached), to: after(gone) })
      }
    }
  return passages.sort((a, b) => a.entered - b.entered || a.car - b.car)
}

/** The order of entries as text: A and a on the major road, B and b on the minor one, capitals for learners. */
export function orderOf(passages: readonly Passage[]): string {
  return passages.map(({ road, learner }) => letterOf(road, learner)).join('')
}

/** One letter of `orderOf`. */
export function letterOf(road: Conflict['road'], learner: boolean): string {
  const letter = road === 'major' ? 'a' : 'b'
  return learner ? letter.toUpperCase() : letter
}

/** When the front of a car passed the loop coordinate `place`, s, and in which row it had. */
function passings(
  { position, vehicles, steps, stepLength, loopLength }: Trajectory,
  car: number,
  place: number,
): { time: number; step: number }[] {
  const cars = vehicles.length
  const found: { time: number; step: number }[] = []
  for (let k = 1; k < steps; k++) {
    const before = position[(k - 1) * cars + car]!
    const driven = modulo(position[k * cars + car]! - before, loopLength)
    const ahead = modulo(place - before, loopLength)
    // The front stands at `place` after the step or has passed it, and did not stand there before.
    if (ahead > 0 && ahead <= driven && driven < loopLength / 2)
      found.push({ time: (k + ahead / driven) * stepLength, step: k })
  }
  return found
}

function modulo(value: number, length: number): number {
  return value - length * Math.floor(value / length)
}
