import type { Bus } from '../../device/bus/bus.ts'
import { createLocalBroker } from '../../device/bus/local-bus.ts'
import { createDevice, type Device } from '../../device/device.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { createInProcessIdentity } from '../../device/identity.ts'
import { createSimIo } from '../../device/sim-io.ts'
import type { Config } from '../../schemas/config.ts'
import type { Fault } from '../../schemas/faults.ts'
import type { Obs } from '../../schemas/lock-step.ts'
import type { Report } from '../../schemas/report.ts'
import { settings } from '../../schemas/setting.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import type { Summary } from '../../schemas/summary.ts'
import { channels } from '../../schemas/topics.ts'
import { type BridgeOptions, createBridge } from '../../sim-bridge/bridge.ts'
import { planFaults } from '../../sim-bridge/faults/fault-plan.ts'
import { createFaultyBus } from '../../sim-bridge/faults/faults.ts'
import { createPace } from '../../sim-bridge/pace.ts'
import { createMeter } from '../../sim-bridge/report/meter.ts'
import { createReport, type Limits } from '../../sim-bridge/report/report.ts'
import { vehicleIds } from '../../sim-bridge/sim/scenario.ts'
import type { World } from '../../sim-bridge/world.ts'
import { createEmbeddedWorld } from '../../sim-bridge/worlds.ts'
import { smallConfig, smallKind } from './devices.ts'
import { createVirtualClock } from './virtual-clock.ts'

/** Four cars, of which two learn, over `epochSteps` steps. */
export function createSmallWorld(epochSteps = 300): World {
  return createEmbeddedWorld({ preset: 'flow', vehicles: vehicleIds(4), learners: [1, 3] }, { epochSteps })
}

export const learners = ['car01', 'car03']

export const strict: Limits = { misses: 0, handedOverSteps: 0, roundTripMs: null, rebases: 0 }

/** A device of `smallConfig` on a bus of its own. */
export function createCar(vehicle: string, bus: Bus, more: Partial<Config> = {}): Device {
  const config = { ...smallConfig, ppoEpochs: 2, ...more }
  return createDevice({
    ...{ config, vehicle, bus, boot: 1, software: 'test', setting: settingOf(config) },
    io: createSimIo(bus, config.fleet, 'run1', vehicle),
    engine: createReferenceEngine(smallKind.architecture),
    identity: createInProcessIdentity(learners),
    now: () => 0,
    wallClock: () => '',
  })
}

export interface RunOptions {
  /** Real-time factor; without one the run is in lock-step. */
  readonly rtf?: number
  readonly epochs?: number
  readonly epochSteps?: number
  readonly roundSteps?: number
  readonly deadlineMs?: number
  readonly answerTimeoutMs?: number
  readonly faults?: readonly Fault[]
  readonly limits?: Partial<Limits>
  readonly seed?: number
  /** Told of each step. */
  readonly onStep?: BridgeOptions['onStep']
  /** Told of each question that reaches a device; `stop` ends the run at once. */
  readonly onQuestion?: (vehicle: string, question: Obs, stop: () => void) => void
}

/** A run of two devices in this process on a virtual clock: what is computed takes no time. */
export async function runOnVirtualClock(options: RunOptions): Promise<{ summary: Summary; report: Report }> {
  const { rtf, epochs = 1, deadlineMs, faults = [], seed = 1 } = options
  const clock = createVirtualClock()
  const broker = createLocalBroker()
  for (const id of learners) createCar(id, broker.connect(), { seed })
  broker
    .connect()
    .subscribe(channels.obs, {}, (question, { vehicle }) =>
      options.onQuestion?.(vehicle, question, () => bridge.stop('now')),
    )
  const world = createSmallWorld(options.epochSteps)
  const { stepLength } = world
  const faulty = createFaultyBus({
    ...{ bus: broker.connect(), encoded: false, plan: planFaults({ version: 1, faults: [...faults] }, learners), seed },
    ...{ stepLength, rtf: rtf ?? 1, now: clock.now, later: clock.later },
  })
  const meter = createMeter({ vehicles: learners, now: clock.now, onCount: faulty.blame })
  faulty.onRefused(({ address }) => meter.count(address.vehicle ?? '', 'refused'))
  const pace = rtf === undefined ? undefined : createPace({ periodMs: (1_000 * stepLength) / rtf, ...clock })
  const bridge = createBridge({
    ...{ world, bus: faulty, fleet: smallConfig.fleet, run: 'run1', seed, epochs, network: 'figure-eight' },
    ...{ preset: 'flow', sim: 'embedded' },
    ...{ setting: settings.headway, method: 'gated', now: clock.now, meter },
    ...(options.roundSteps !== undefined && { roundSteps: options.roundSteps }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(options.answerTimeoutMs !== undefined && { answerTimeoutMs: options.answerTimeoutMs }),
    ...(pace && { pace }),
    onStep(epoch, k) {
      faulty.at(epoch, k)
      options.onStep?.(epoch, k)
    },
  })
  const tick = (): void => {
    bridge.tick()
    clock.later(250, tick)
  }
  tick()
  const summary = await clock.drive(bridge.run())
  const report = createReport({
    ...{ run: 'run1', seed, epochs, stepLength, meter, pace, deadlineMs, faults: faulty.effects() },
    limits: { ...strict, ...options.limits },
  })
  return { summary, report }
}
