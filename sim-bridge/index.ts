/** Library entry point `trustmix/sim-bridge`: the traffic worlds, the bridge to devices, experiments in one process. */

export { type Conflict, type RoadShape, roadShape } from '../schemas/road-shape.ts'
export { measureBaseline } from './baseline.ts'
export { type Bridge, type BridgeEvent, type BridgeOptions, createBridge } from './bridge.ts'
export { accelerationOf } from './controller.ts'
export { type Attack, type AttackContext, type AttackOptions, createAttack } from './experiment/attack/attack.ts'
export {
  type AggregatorContext,
  createExperiment,
  type Experiment,
  type ExperimentOptions,
} from './experiment/experiment.ts'
export { type PlannedFault, planFaults, readFaults } from './faults/fault-plan.ts'
export { createFaultyBus, type FaultyBus, type FaultyBusOptions } from './faults/faults.ts'
export type { FaultEffect } from './faults/ledger.ts'
export {
  createLockStep,
  type LockStep,
  type LockStepObserver,
  type LockStepOptions,
  type Question,
} from './lock-step.ts'
export { observationNames, observe } from './observation.ts'
export { createPace, type Pace, type PaceOptions, rebaseAfterPeriods } from './pace.ts'
export { Histogram } from './report/histogram.ts'
export { createMeter, type DeviceMeter, type Meter, type MeterOptions } from './report/meter.ts'
export { createReport, type Limits, type ReportOptions } from './report/report.ts'
export { junitXml, reportTables, tapText } from './report/report-text.ts'
export { drawSchedules, type Schedule } from './schedule.ts'
export type { StepInfo } from './score.ts'
export { type Decision, Decisions, type View } from './serve/decisions.ts'
export { type ServeOptions, serveWorlds, type WorldServer } from './serve/serve.ts'
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
export { SumoError, SumoMissingError } from './sumo/errors.ts'
export type { SumoOptions } from './sumo/options.ts'
export {
  createRecorder,
  decodeTrajectory,
  encodeTrajectory,
  type Recorder,
  type Trajectory,
  type TrajectoryFacts,
} from './trajectory/trajectory.ts'
export { type Transition, World, type WorldRules } from './world.ts'
export { createEmbeddedWorld, createSumoWorld, openWorld } from './worlds.ts'
