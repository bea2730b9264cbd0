import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as passed } from 'node:timers/promises'
import type { MqttBus } from '../device/bus/mqtt-bus.ts'
import { type CommandContext, certifiedId, connectBus, reach, required } from '../device/process.ts'
import type { Config } from '../schemas/config.ts'
import { needsAggregator } from '../schemas/config-methods.ts'
import type { Act } from '../schemas/lock-step.ts'
import type { CountName, Report } from '../schemas/report.ts'
import { settingOf } from '../schemas/setting-of.ts'
import type { Summary } from '../schemas/summary.ts'
import { aggregatorId } from '../schemas/topics.ts'
import { type Bridge, type BridgeEvent, createBridge } from './bridge.ts'
import { type PlannedFault, readFaults } from './faults/fault-plan.ts'
import { createFaultyBus, type FaultyBus } from './faults/faults.ts'
import { createPace, type Pace } from './pace.ts'
import { createMeter } from './report/meter.ts'
import { createReport } from './report/report.ts'
import { prepareDirectory, writeReports } from './report/report-files.ts'
import { createRecorder } from './trajectory/trajectory.ts'
import { createTrajectoryFiles } from './trajectory/trajectory-files.ts'
import type { World } from './world.ts'
import { openWorld, scenarioOf } from './worlds.ts'

export interface BridgeContext extends CommandContext {
  readonly onEvent: (event: BridgeEvent) => void
  /** Given the running bridge, so that the caller can stop it. */
  readonly onStart?: (bridge: Bridge) => void
  /** The summary of the interrupted run to go on with. */
  readonly resumed?: Summary
  /** Ids of the cars that learn, in place of those of the configuration. */
  readonly learners?: readonly string[]
  /** Faults to inject, in place of those of the configuration. */
  readonly plan?: readonly PlannedFault[]
  /** Decision intervals that are not drawn, by vehicle. */
  readonly intervalSteps?: Readonly<Record<string, number>>
  /** Told of answers and counts. */
  readonly witness?: Witness
  /** Takes what there is after each epoch and at the end. */
  readonly keep: (result: BridgeResult) => void
}

/** Sees what devices do in a run, and whether a fault of the scenario had a hand in it. */
export interface Witness {
  /** The answer that counts, and the milliseconds since its question was sent for the first time. */
  answered(vehicle: string, answer: Act, roundTripMs: number, faulted: boolean): void
  counted(vehicle: string, name: CountName, faulted: boolean): void
}

export interface BridgeResult {
  readonly summary: Summary
  readonly report: Report
}

/** `trustmix sim-bridge`: the world and its clock, coupled to devices over MQTT, until all epochs are driven. */
export async function runSimBridge(config: Config, context: Omit<BridgeContext, 'keep'>): Promise<BridgeResult> {
  required(config, 'run')
  if (config.faults !== null) readFaults(config.faults, learnersOf(config))
  if (config.runDir !== null) prepareDirectory('run-dir', config.runDir)
  if (config.report !== null) prepareDirectory('report', config.report)
  const bus = connectBus(config, bridgeIdOf(config), context)
  try {
    await reach(bus, config, context)
    return await runOn(bus, config, {
      ...context,
      keep: ({ summary, report }) => writeReports(config, summary, report),
    })
  } finally {
    await bus.close()
  }
}

/** The same on a connected bus, which stays open; nothing is written but what `keep` is given, and trajectories. */
export async function runOn(bus: MqttBus, config: Config, context: BridgeContext): Promise<BridgeResult> {
  const run = required(config, 'run')
  const { learners = learnersOf(config) } = context
  const plan = context.plan ?? (config.faults === null ? undefined : readFaults(config.faults, learners))
  const world = await openWorld(config, learners)
  try {
    return await drive(config, context, run, world, bus, plan)
  } finally {
    await world.close()
  }
}

/** Ids of the vehicles that learn. */
export function learnersOf(config: Config): string[] {
  const { vehicles, learners } = scenarioOf(config)
  return vehicles.filter((_, i) => learners.includes(i))
}

async function drive(
  config: Config,
  context: BridgeContext,
  run: string,
  world: World,
  bus: MqttBus,
  plan: readonly PlannedFault[] | undefined,
): Promise<BridgeResult> {
  const { network, preset, sim, seed, runDir, deadlineMs } = config
  const facts = { network, preset, sim, seed, driver: `${config.method}, ${settingOf(config).name}` }
  const learners = world.vehicles.filter((_, i) => world.learner[i])
  const timers = createTimers()
  const { witness } = context
  const meter = createMeter({
    vehicles: learners,
    now,
    onCount(vehicle, name) {
      const faulted = faulty?.blame(vehicle, name) ?? false
      witness?.counted(vehicle, name, faulted)
    },
    onAnswer: (vehicle, answer, ms) => witness?.answered(vehicle, answer, ms, faulty?.touches(vehicle) ?? false),
  })
  const faulty = plan && faultyBus(config, world, bus, plan, timers.later)
  const pace = config.realtime ? clockOf(config, world) : undefined
  const heard = faulty ?? bus
  heard.onRefused(({ channel, address }) => {
    if (channel === 'act') meter.count(address.vehicle ?? '', 'refused')
  })
  const bridge = createBridge({
    world,
    bus: heard,
    fleet: config.fleet,
    run,
    session: randomBytes(6).toString('hex'),
    seed,
    epochs: config.epochs,
    network: config.network,
    preset: config.preset,
    sim: config.sim,
    setting: settingOf(config),
    method: config.method,
    ...(needsAggregator(config.method) && { aggregator: aggregatorId }),
    now,
    answerTimeoutMs: config.answerTimeoutMs,
    intervalSteps: context.intervalSteps,
    meter,
    ...(pace && { pace }),
    ...(deadlineMs !== null && { deadlineMs }),
    ...(faulty && { onStep: faulty.at, disturbance: `faults were injected (${config.faults})` }),
    ...(context.resumed && { resumed: context.resumed }),
    ...(runDir !== null && {
      recorder: createRecorder(world, facts, createTrajectoryFiles(runDir, context.print)),
    }),
    onEvent(event) {
      context.onEvent(event)
      if (event.kind === 'epoch') context.keep({ summary: bridge.summary(), report: report() })
    },
  })
  const before = context.resumed?.epochs.length ?? 0
  const report = (): Report =>
    createReport({
      ...{ run, seed, meter, pace, stepLength: world.stepLength, faults: faulty?.effects() },
      epochs: bridge.summary().epochs.length - before,
      deadlineMs: deadlineMs ?? undefined,
      limits: {
        misses: config.maxMisses,
        handedOverSteps: config.maxHandedOver,
        roundTripMs: config.maxRoundTripMs,
        rebases: config.maxRebases,
      },
    })
  const timer = setInterval(() => bridge.tick(), 250)
  try {
    context.onStart?.(bridge)
    context.stopped.then(() => bridge.stop(config.realtime ? 'now' : 'after-epoch'))
    const result = { summary: await bridge.run(), report: report() }
    context.keep(result)
    return result
  } finally {
    clearInterval(timer)
    timers.clear()
  }
}

function faultyBus(
  { seed, realtime, rtf }: Config,
  { stepLength }: World,
  bus: MqttBus,
  plan: readonly PlannedFault[],
  later: (ms: number, work: () => void) => void,
): FaultyBus {
  return createFaultyBus({ bus, encoded: true, plan, seed, stepLength, rtf: realtime ? rtf : 1, now, later })
}

function clockOf({ rtf }: Config, { stepLength }: World): Pace {
  return createPace({
    periodMs: (1_000 * stepLength) / rtf,
    now,
    // Timers have whole milliseconds: the rest is spent turn by turn, in which messages are handed on.
    sleep: (ms) => (ms >= 1 ? passed(Math.floor(ms)) : nextTurn()),
  })
}

/** Timers of delayed messages; those of a run end with it. */
function createTimers(): { later(ms: number, work: () => void): void; clear(): void } {
  const pending = new Set<NodeJS.Timeout>()
  return {
    later(ms, work) {
      const timer = setTimeout(() => {
        pending.delete(timer)
        work()
      }, ms)
      pending.add(timer)
    },
    clear() {
      for (const timer of pending) clearTimeout(timer)
    },
  }
}

/** Client id and user name of the bridge, where no certificate says another one. */
export const bridgeId = 'sim-bridge'

/** Client id of the bridge: a broker admits a certificate of a bridge under its own id alone. */
export function bridgeIdOf(config: Config): string {
  return certifiedId(config) ?? bridgeId
}

function now(): number {
  return performance.now()
}
