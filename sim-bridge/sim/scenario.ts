import { carLength, minGap } from './idm.ts'
import {
  distanceAhead,
  laneAfter,
  laneCount,
  laneLength,
  loopCoordinate,
  loopLength,
  majorCrossing,
  minorCrossing,
} from './road.ts'

/** Fixed data of one preset (`lab`: the public code of the letter's laboratory; `flow`: figureeight1 of the Flow project). */
export interface Preset {
  readonly name: 'lab' | 'flow'
  /** m/s */
  readonly speedLimit: number
  /** m/s² */
  readonly accel: number
  /** m/s² */
  readonly humanDecel: number
  /** m/s² */
  readonly learnerDecel: number
  /** m/s² */
  readonly accelerationLimit: number
}

export const presets: { readonly lab: Preset; readonly flow: Preset } = {
  lab: { name: 'lab', speedLimit: 20, accel: 1.5, humanDecel: 1.5, learnerDecel: 1.5, accelerationLimit: 1.5 },
  flow: { name: 'flow', speedLimit: 30, accel: 2.6, humanDecel: 1.5, learnerDecel: 4.5, accelerationLimit: 3 },
}

/** What a run of the scenario may choose. */
export interface ScenarioOptions {
  readonly preset: 'lab' | 'flow'
  /** Ids in order around the loop; default `car00` … `car13`. SUMO's last tie-break compares them, so they are part of the world. */
  readonly vehicles?: readonly string[]
  /** Indices of the learning cars; default the odd ones. */
  readonly learners?: readonly number[]
  /** m by which each car starts ahead of its even place, measured along the normal lanes; default 0. */
  readonly startOffsets?: readonly number[]
}

/** The options checked and filled in. */
export interface Scenario {
  readonly preset: Preset
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  readonly starts: readonly Start[]
}

/** Where a car starts: lane index (see road.ts) and position of its front bumper on that lane, m. */
export interface Start {
  readonly lane: number
  readonly position: number
}

/** Checks the options and places the cars. Errors name the rule and the value found. */
export function createScenario(options: ScenarioOptions): Scenario {
  const preset = Object.hasOwn(presets, options.preset) ? presets[options.preset] : undefined
  if (preset === undefined) throw new Error(`preset must be one of ${Object.keys(presets)}, got ${options.preset}`)
  const vehicles = options.vehicles ?? Array.from({ length: 14 }, (_, i) => `car${i < 10 ? '0' : ''}${i}`)
  const n = vehicles.length
  if (n === 0) throw new Error('vehicles must name at least one car, got none')
  for (const id of vehicles) if (id === '') throw new Error('vehicle ids must not be empty, got ""')
  const repeated = vehicles.find((id, i) => vehicles.indexOf(id) !== i)
  if (repeated !== undefined) throw new Error(`vehicle ids must be distinct, got ${repeated} twice`)
  const learners = options.learners ?? vehicles.map((_, i) => i).filter((i) => i % 2 === 1)
  for (const i of learners) {
    if (!Number.isInteger(i) || i < 0 || i >= n) throw new Error(`learners must be car indices in 0…${n - 1}, got ${i}`)
  }
  const offsets = options.startOffsets ?? vehicles.map(() => 0)
  if (offsets.length !== n) throw new Error(`startOffsets must have one value per car (${n}), got ${offsets.length}`)
  for (const offset of offsets) {
    if (!Number.isFinite(offset)) throw new Error(`startOffsets must be finite, got ${offset}`)
  }
  const starts = offsets.map((offset, i) => startOf(i, n, offset))
  checkStarts(vehicles, starts, offsets)
  return { preset, vehicles, learner: vehicles.map((_, i) => learners.includes(i)), starts }
}

/** Length of the normal lanes, cm: starts are rounded to 0.01 m, as the route file's are. */
const normalLength = 40274

function startOf(index: number, n: number, offset: number): Start {
  const place = Math.floor((index * normalLength) / n + 100 * offset + 0.5)
  let rest = place - normalLength * Math.floor(place / normalLength)
  for (let lane = 0; lane < laneCount; lane += 2) {
    const length = Math.floor(laneLength[lane]! * 100 + 0.5)
    if (rest < length) return { lane, position: rest / 100 }
    rest -= length
  }
  throw new Error(`a start must lie on the loop, got ${offset} m`)
}

/** SUMO inserts no car closer than minGap, and two cars that start inside the crossing would have no order of entry. */
function checkStarts(vehicles: readonly string[], starts: readonly Start[], offsets: readonly number[]): void {
  const n = vehicles.length
  let travelled = 0
  for (const [i, start] of starts.entries()) {
    const next = (i + 1) % n
    const ahead = starts[next]!
    const distance =
      n === 1
        ? loopLength
        : distanceAhead(loopCoordinate(start.lane, start.position), loopCoordinate(ahead.lane, ahead.position))
    const gap = distance - carLength
    if (gap < minGap) {
      throw new Error(
        `cars must start at least ${minGap} m apart, got ${gap.toFixed(2)} m from ${vehicles[i]} to ${vehicles[next]}`,
      )
    }
    travelled += distance
  }
  if (travelled > 1.5 * loopLength) {
    throw new Error(`startOffsets must keep the cars in order, got ${offsets}`)
  }
  const inside = vehicles.filter((_, i) => touches(starts[i]!, majorCrossing) || touches(starts[i]!, minorCrossing))
  if (inside.length > 1) throw new Error(`at most one car may start in the crossing, got ${inside}`)
}

/** Starts are on normal lanes, so a car can only touch a crossing lane with its rear. */
function touches(start: Start, lane: number): boolean {
  return start.lane === laneAfter(lane) && start.position < carLength
}
