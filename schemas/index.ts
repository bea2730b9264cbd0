/** Library entry point `trustmix/schemas`: every message and document with its schema, type and validator; the topics. */
export * from './announcement.ts'
export * from './command.ts'
export * from './config.ts'
export {
  type MethodName,
  type MethodSource,
  methodNames,
  methodSources,
  needsAggregator,
  usesLinks,
} from './config-methods.ts'
export * from './exit.ts'
export * from './faults.ts'
export * from './fleet-registry.ts'
export * from './gap-laws.ts'
export * from './hil-report.ts'
export * from './lock-step.ts'
export * from './log.ts'
export * from './process.ts'
export * from './provision.ts'
export * from './reason.ts'
export * from './record.ts'
export * from './report.ts'
export * from './run.ts'
export * from './serve.ts'
export * from './setting.ts'
export * from './setting-of.ts'
export * from './status.ts'
export * from './summary.ts'
export * from './telemetry.ts'
export * from './topics.ts'
export * from './trust.ts'
export * from './update.ts'
export { formatVersion, type Validated, type Validator, validatorOf } from './validator.ts'
export * from './verdict.ts'
