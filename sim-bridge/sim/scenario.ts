import { createNetwork, type NetworkPlan, type RoadNetwork } from './network.ts'
import { figureEightPlan } from './networks/figure-eight.ts'
import { mergePlan } from './networks/merge.ts'
import { ringPlan } from './networks/ring.ts'
import { type Preset, presets } from './presets.ts'
import { placeCars, type Start } from './starts.ts'

export { type Preset, presets } from './presets.ts'
export { type Start, StartError } from './starts.ts'

/** What a run of the scenario may choose. */
export interface ScenarioOptions {
  readonly preset: 'lab' | 'flow'
  /** Default `figure-eight`. */
  readonly network?: NetworkName
  /** Factor on the length of all roads between junctions; default 1. */
  readonly size?: number
  /**
   * Ids in order around each loop, those of the main loop first; default `vehicleIds` of 14, on the ring of 22. SUMO's last
   * tie-break compares them, so they are part of the world.
   */
  readonly vehicles?: readonly string[]
  /** Indices of the learning cars; default the odd ones. */
  readonly learners?: readonly number[]
  /** m by which each car starts ahead of its even place, measured along the normal lanes of its loop; default 0. */
  readonly startOffsets?: readonly number[]
  /**
   * SUMO's speed mode of all cars. 1, the default: safe speeds only, every junction counts as open. 25: the minor road gives
   * way. 31, SUMO's own default: besides, commands stay within the car's own acceleration and deceleration.
   */
  readonly speedMode?: SpeedMode
  /**
   * Who goes first in a junction: `priority`, the default, is SUMO's rule for the speed mode. With `nearest-first`, in the
   * embedded world only, it is the car nearest to it, whatever its road.
   */
  readonly crossing?: CrossingRule
}

export type SpeedMode = 1 | 25 | 31
export type CrossingRule = 'priority' | 'nearest-first'

export type NetworkName = 'figure-eight' | 'ring' | 'merge'

/** The options checked and filled in. */
export interface Scenario {
  readonly preset: Preset
  readonly network: RoadNetwork
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  readonly starts: readonly Start[]
  readonly speedMode: SpeedMode
  readonly crossing: CrossingRule
}

const speedModes: readonly SpeedMode[] = [1, 25, 31]
const crossingRules: readonly CrossingRule[] = ['priority', 'nearest-first']

const networks: Readonly<Record<NetworkName, { readonly plan: (size: number) => NetworkPlan; readonly cars: number }>> =
  {
    'figure-eight': { plan: figureEightPlan, cars: 14 },
    ring: { plan: ringPlan, cars: 22 },
    merge: { plan: mergePlan, cars: 14 },
  }

/** Ids `car00`, `car01`, …: as many digits as the last one needs, at least two. */
export function vehicleIds(count: number): string[] {
  const digits = Math.max(2, String(count - 1).length)
  return Array.from({ length: count }, (_, i) => `car${String(i).padStart(digits, '0')}`)
}

/** Indices of `learners` cars spread evenly among `count`: 7 of 14 are the odd ones, 1 of 14 is the last. */
export function spreadLearners(count: number, learners: number): number[] {
  if (!Number.isInteger(learners) || learners < 0 || learners > count) {
    throw new Error(`learners must be 0 to ${count}, got ${learners}`)
  }
  const before = (i: number): number => Math.floor((i * learners) / count)
  return Array.from({ length: count }, (_, i) => i).filter((i) => before(i + 1) > before(i))
}

/** Checks the options and places the cars. Errors name the rule and the value found. */
export function createScenario(options: ScenarioOptions): Scenario {
  const { preset, network = 'figure-eight', size = 1, speedMode = 1, crossing = 'priority' } = options
  if (!Object.hasOwn(presets, preset)) throw new Error(`preset must be one of ${Object.keys(presets)}, got ${preset}`)
  if (!Object.hasOwn(networks, network)) {
    throw new Error(`network must be one of ${Object.keys(networks)}, got ${network}`)
  }
  if (!(size >= smallestSize && size <= largestSize)) {
    throw new Error(`size must be ${smallestSize} to ${largestSize}, got ${size}`)
  }
  if (!speedModes.includes(speedMode)) throw new Error(`speedMode must be one of ${speedModes}, got ${speedMode}`)
  if (!crossingRules.includes(crossing)) throw new Error(`crossing must be one of ${crossingRules}, got ${crossing}`)
  const { plan, cars } = networks[network]
  const roads = createNetwork(plan(size))
  const vehicles = [...(options.vehicles ?? vehicleIds(cars))]
  checkVehicles(vehicles)
  const learners = options.learners ?? spreadLearners(vehicles.length, Math.floor(vehicles.length / 2))
  return {
    preset: presets[preset],
    network: roads,
    vehicles,
    learner: markLearners(learners, vehicles.length),
    starts: placeCars(roads, vehicles, options.startOffsets ?? vehicles.map(() => 0)),
    speedMode,
    crossing,
  }
}

/** Here the straight roads of the figure eight are 7.5 m long: one car with the gap it keeps. */
const smallestSize = 0.25
const largestSize = 10_000

/** Ids that SUMO, XML and a command line all take. */
const vehicleId = /^[A-Za-z0-9_.-]{1,64}$/

function checkVehicles(vehicles: readonly string[]): void {
  if (vehicles.length === 0) throw new Error('vehicles must name at least one car, got none')
  const seen = new Set<string>()
  for (const id of vehicles) {
    if (!vehicleId.test(id)) throw new Error(`vehicle ids must match ${vehicleId.source}, got "${id}"`)
    if (seen.has(id)) throw new Error(`vehicle ids must be distinct, got ${id} twice`)
    seen.add(id)
  }
}

function markLearners(learners: readonly number[], count: number): readonly boolean[] {
  const learner = new Array<boolean>(count).fill(false)
  for (const i of learners) {
    if (!Number.isInteger(i) || i < 0 || i >= count) {
      throw new Error(`learners must be car indices in 0…${count - 1}, got ${i}`)
    }
    learner[i] = true
  }
  return learner
}
