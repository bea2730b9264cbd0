import type { NetworkName } from '../../sim-bridge/sim/scenario.ts'
import { spreadLearners, vehicleIds } from '../../sim-bridge/sim/scenario.ts'
import type { TrafficSimulator } from '../../sim-bridge/sim/simulator.ts'
import type { World, WorldRules } from '../../sim-bridge/world.ts'
import { createEmbeddedWorld } from '../../sim-bridge/worlds.ts'
import { createAdversary } from './adversary.ts'
import { IndependentCount } from './independent-count.ts'

/** One epoch's world. */
export interface SoakCase {
  readonly network: NetworkName
  readonly preset: 'flow' | 'lab'
  readonly cars: number
  readonly learners: number
  readonly rules: Required<Pick<WorldRules, 'collision' | 'brake' | 'startJitter'>>
}

/** All combinations of rules, numbers and networks, in a fixed order. */
export const soakCases: readonly SoakCase[] = (['figure-eight', 'ring', 'merge'] as const).flatMap((network) =>
  // 40 cars fit on the figure eight alone.
  [2, 7, 14, network === 'figure-eight' ? 40 : 22].flatMap((cars) =>
    [1, Math.floor(cars / 2), cars].flatMap((learners) =>
      (['flow', 'lab'] as const).flatMap((preset) =>
        (['continue', 'end'] as const).flatMap((collision) =>
          (['soft', 'latched'] as const).flatMap((brake) =>
            [0, 1].map((startJitter) => ({
              ...{ network, preset, cars, learners },
              rules: { collision, brake, startJitter },
            })),
          ),
        ),
      ),
    ),
  ),
)

/** What a soak has done so far. */
export interface SoakTotals {
  epochs: number
  steps: number
  carSteps: number
  collisions: number
  forcedBrakings: number
  /** Epochs that a collision ended. */
  terminated: number
  nanCommands: number
  infiniteCommands: number
}

export interface SoakOptions {
  readonly steps: number
  readonly seed: number
  /** Index of the first epoch: where an earlier run failed. */
  readonly firstEpoch?: number
  readonly epochSteps: number
  readonly onEpoch?: (totals: SoakTotals, case_: SoakCase) => void
}

/**
 * Drives worlds of the embedded simulator against adversarial commands, every epoch in the next combination of rules. Throws
 * at the first value that cannot be and at the first figure that an independent count does not share; the text says how to
 * come back to it.
 */
export async function soakSim(options: SoakOptions): Promise<SoakTotals> {
  const { seed, epochSteps, firstEpoch = 0, onEpoch } = options
  const totals: SoakTotals = {
    ...{ epochs: 0, steps: 0, carSteps: 0, collisions: 0, forcedBrakings: 0, terminated: 0 },
    ...{ nanCommands: 0, infiniteCommands: 0 },
  }
  for (let epoch = firstEpoch; totals.steps < options.steps; epoch++) {
    // Neighbours in the list are alike: a stride that shares no factor with the length mixes them.
    const case_ = soakCases[(epoch * 89) % soakCases.length]!
    const steps = Math.min(epochSteps, options.steps - totals.steps)
    await driveEpoch(case_, { seed, epoch, steps, totals })
    totals.epochs++
    onEpoch?.(totals, case_)
  }
  return totals
}

interface EpochOptions {
  readonly seed: number
  readonly epoch: number
  readonly steps: number
  readonly totals: SoakTotals
}

async function driveEpoch(case_: SoakCase, { seed, epoch, steps, totals }: EpochOptions): Promise<void> {
  const { network, preset, cars, learners, rules } = case_
  const scenario = { network, preset, vehicles: vehicleIds(cars), learners: spreadLearners(cars, learners) }
  const world = createEmbeddedWorld(scenario, { ...rules, epochSteps: steps })
  const adversary = createAdversary(world, (seed * 7919 + epoch) % 2147483646)
  const commands = new Float64Array(cars)
  let step = 0
  const violate = (rule: string): never => {
    throw new Error(
      `${rule} (--seed ${seed} --epoch ${epoch}, step ${step}: ${JSON.stringify(case_)}, commands ${commands.join(' ')})`,
    )
  }
  let state = await world.reset(seed + epoch)
  const count = new IndependentCount(world, case_)
  while (!state.terminated && !state.truncated) {
    step++
    adversary(commands)
    for (const a of commands) {
      if (Number.isNaN(a)) totals.nanCommands++
      else if (!Number.isFinite(a)) totals.infiniteCommands++
    }
    count.before(commands)
    state = await world.step(commands)
    const broken = brokenValue(world) ?? count.after(state.info)
    if (broken !== undefined) violate(broken)
    if (!finite(state.observations) || !finite(state.rewards)) violate('observations and rewards must be finite')
    if (state.terminated !== (rules.collision === 'end' && count.collisions > 0))
      violate(`terminated must follow a collision, got ${state.terminated}`)
    if (state.truncated !== (!state.terminated && step === steps))
      violate(`truncated must be the end of time, got ${state.truncated}`)
  }
  totals.steps += step
  totals.carSteps += step * cars
  totals.collisions += state.info.collisions
  totals.forcedBrakings += state.info.forcedBrakings
  if (state.terminated) totals.terminated++
}

function finite(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return false
  return true
}

/** The first rule that a car's state breaks. */
function brokenValue({ simulator }: World<TrafficSimulator>): string | undefined {
  const { vehicles, speed, position, gap, leader, routeLength, speedLimit } = simulator
  for (let i = 0; i < speed.length; i++) {
    // Written so that NaN breaks them.
    if (!(speed[i]! >= 0 && speed[i]! <= speedLimit + 1e-9))
      return `the speed of ${vehicles[i]} must be in [0, ${speedLimit}], got ${speed[i]}`
    if (!(position[i]! >= 0 && position[i]! < routeLength[i]!))
      return `the position of ${vehicles[i]} must be in [0, ${routeLength[i]}), got ${position[i]}`
    if (!(gap[i]! >= 0 && gap[i]! <= 2 * routeLength[i]!))
      return `the gap of ${vehicles[i]} must be 0 or more, got ${gap[i]}`
    if (!(leader[i]! >= 0 && leader[i]! < speed.length)) return `${vehicles[i]} must have a leader, got ${leader[i]}`
  }
  return undefined
}
