import type { Config } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { type ScenarioOptions, StartError, spreadLearners, vehicleIds } from './sim/scenario.ts'
import { TrafficSimulator } from './sim/simulator.ts'
import type { SumoOptions } from './sumo/options.ts'
import { createSumoSimulator, type SumoSimulator } from './sumo/sumo-simulator.ts'
import { World, type WorldRules } from './world.ts'

/** A world on the embedded simulator, at its start. Errors name the rule of the options that was broken. */
export function createEmbeddedWorld(options: ScenarioOptions, rules: WorldRules = {}): World<TrafficSimulator> {
  return new World(new TrafficSimulator(options), rules)
}

/**
 * A world on Eclipse SUMO, which is started (or connected to). Rejects with SumoMissingError where SUMO is not installed
 * and with SumoError, in SUMO's words, where it fails.
 */
export async function createSumoWorld(options: SumoOptions, rules: WorldRules = {}): Promise<World<SumoSimulator>> {
  return new World(await createSumoSimulator(options), rules)
}

/**
 * The world of a configuration; `vehicles` and `learners` are numbers there, the learners spread evenly, unless ids of cars
 * that learn are given.
 */
export async function openWorld(config: Config, learners?: readonly string[]): Promise<World> {
  const { sim, collision, brake, startJitter } = config
  const rules = { collision, brake, startJitter, reward: settingOf(config).reward }
  const evenly = scenarioOf(config)
  const scenario = learners ? { ...evenly, learners: learners.map((id) => evenly.vehicles.indexOf(id)) } : evenly
  if (sim === 'sumo' && config.crossing !== 'priority')
    throw new ExitError('usage', `--crossing must be priority with --sim sumo, got ${config.crossing}`)
  try {
    if (sim === 'embedded') return createEmbeddedWorld(scenario, rules)
    return await createSumoWorld({ ...scenario, ...sumoOf(config) }, rules)
  } catch (error) {
    // Cars that do not fit their road.
    if (error instanceof StartError) throw new ExitError('usage', error.message)
    throw error
  }
}

/** Which SUMO a configuration asks for. */
function sumoOf({ sumoBinary, sumoGui, sumoPort }: Config): Pick<SumoOptions, 'binary' | 'gui' | 'port'> {
  return {
    gui: sumoGui,
    ...(sumoBinary !== null && { binary: sumoBinary }),
    ...(sumoPort !== null && { port: sumoPort }),
  }
}

/** The cars and roads of a configuration. */
export function scenarioOf(config: Config): ScenarioOptions & Required<Pick<ScenarioOptions, 'vehicles' | 'learners'>> {
  const { preset, network, crossing, speedMode } = config
  const learners = config.learners ?? Math.floor(config.vehicles / 2)
  if (learners > config.vehicles)
    throw new ExitError('usage', `--learners must be at most --vehicles (${config.vehicles}), got ${learners}`)
  return {
    ...{ preset, network, crossing, speedMode },
    vehicles: vehicleIds(config.vehicles),
    learners: spreadLearners(config.vehicles, learners),
  }
}
