/** Library entry point `trustmix/sim-bridge`: the traffic worlds, the bridge to devices, experiments in one process. */

export { measureBaseline } from './baseline.ts'
export { type Bridge, type BridgeEvent, type BridgeOptions, createBridge } from './bridge.ts'
export { accelerationOf } from './controller.ts'
export {
  type AggregatorContext,
  createExperiment,
  type Experiment,
  type ExperimentOptions,
} from './experiment/experiment.ts'
export { createLockStep, type LockStep, type LockStepOptions, type Question } from './lock-step.ts'
export { observationNames, observe } from './observation.ts'
export { drawSchedules, type Schedule } from './schedule.ts'
export type { StepInfo } from './score.ts'
export { type Batch, type BatchOptions, createBatch } from './sim/batch.ts'
export { type Cars, type Controller, createController } from './sim/controllers.ts'
export {
  createScenario,
  type NetworkName,
  type Preset,
  presets,
  type Scenario,
  type ScenarioOptions,
  StartError,
  spreadLearners,
  vehicleIds,
} from './sim/scenario.ts'
export { TrafficSimulator } from './sim/simulator.ts'
export { type Simulator, SimulatorLostError } from './simulator.ts'
export { SumoError, SumoLostError, SumoMissingError } from './sumo/errors.ts'
export type { SumoOptions } from './sumo/options.ts'
export { type Transition, World, type WorldRules } from './world.ts'
export { createEmbeddedWorld, createSumoWorld, openWorld } from './worlds.ts'
