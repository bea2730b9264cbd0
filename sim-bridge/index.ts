/** Library entry point `trustmix/sim-bridge`: the traffic worlds, the bridge to devices, experiments in one process. */
export { type Bridge, type BridgeEvent, type BridgeOptions, createBridge } from './bridge.ts'
export { accelerationOf } from './controller.ts'
export { createEmbeddedWorld, type EmbeddedWorld } from './embedded-world.ts'
export {
  type AggregatorContext,
  createExperiment,
  type Experiment,
  type ExperimentOptions,
} from './experiment/experiment.ts'
export { createLockStep, type LockStep, type LockStepOptions, type Question } from './lock-step.ts'
export { drawSchedules, type Schedule } from './schedule.ts'
export { type Cars, type Controller, createController } from './sim/controllers.ts'
export {
  createScenario,
  type NetworkName,
  type Preset,
  presets,
  type Scenario,
  type ScenarioOptions,
  spreadLearners,
  vehicleIds,
} from './sim/scenario.ts'
export { TrafficSimulator } from './sim/simulator.ts'
export { SumoError, SumoMissingError } from './sumo/errors.ts'
export type { SumoWorldOptions } from './sumo/options.ts'
export { createSumoWorld } from './sumo/sumo-world.ts'
export { createTraffic, measureBaseline, observe, type Traffic } from './traffic.ts'
export type { World } from './world.ts'
