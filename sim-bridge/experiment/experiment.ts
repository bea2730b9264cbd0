import type { Agent } from '../../device/agent.ts'
import type { Bus } from '../../device/bus/bus.ts'
import { createLocalBroker, type LocalBroker } from '../../device/bus/local-bus.ts'
import type { CheckpointStore } from '../../device/checkpoint.ts'
import type { Engine } from '../../device/core/engine.ts'
import { createDevice, type Device } from '../../device/device.ts'
import type { DeviceOptions } from '../../device/device-options.ts'
import { actionCount, createFeatures, featureCount } from '../../device/features.ts'
import { createInProcessIdentity, type Identity } from '../../device/identity.ts'
import type { OnConsidered } from '../../device/methods/method.ts'
import type { Kind } from '../../device/params.ts'
import { createSharedMessages, type DecodeParams } from '../../device/params-decoding.ts'
import { createSimIo } from '../../device/sim-io.ts'
import type { Config } from '../../schemas/config.ts'
import { needsAggregator } from '../../schemas/config-methods.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import type { Summary } from '../../schemas/summary.ts'
import { aggregatorId } from '../../schemas/topics.ts'
import { type Bridge, type BridgeEvent, createBridge } from '../bridge.ts'
import type { Recorder } from '../trajectory/trajectory.ts'
import type { World } from '../world.ts'
import type { Attack } from './attack/attack.ts'

export interface ExperimentOptions {
  readonly config: Config
  readonly world: World
  readonly createEngine: (observationSize: number, hidden: readonly number[], actionSize: number) => Engine
  /** Starts the averaging server of the methods that need it, which lives with the broker. */
  readonly attachAggregator?: (context: AggregatorContext) => void
  readonly store?: (vehicle: string) => CheckpointStore
  readonly onEvent?: (event: BridgeEvent) => void
  /** Learners that publish something else than what they have learned; not with `store`, which does not keep their state. */
  readonly attack?: Attack
  readonly resumed?: Summary
  /** Told of every mix that a device considered, before it is carried out. */
  readonly onConsidered?: OnConsidered
  /** Where all messages pass, for one who listens in; one of its own by default. */
  readonly broker?: LocalBroker
  /** Is told of every step that is driven, the baseline's too. */
  readonly recorder?: Recorder
}

export interface AggregatorContext {
  readonly bus: Bus
  readonly run: string
  readonly kind: Kind
  readonly identity: Identity
  readonly decode: DecodeParams
}

export interface Experiment {
  readonly devices: ReadonlyMap<string, Device>
  readonly bridge: Bridge
  /** Rejects where the world or a device fails. */
  run(): Promise<Summary>
}

/**
 * Many devices and a world in one process, over the in-process bus: the same `Device` and bridge as over MQTT, so that the
 * same seed ends with the same policies.
 */
export function createExperiment(options: ExperimentOptions): Experiment {
  const { config, world } = options
  const setting = settingOf(config)
  const run = config.run ?? 'local'
  const broker = options.broker ?? createLocalBroker()
  const learners = world.vehicles.filter((_, i) => world.learner[i])
  const identity = createInProcessIdentity([...learners, aggregatorId])
  const clocks = { now: () => 0, wallClock: () => '' }
  const messages = createSharedMessages()
  const common = {
    config,
    setting,
    identity,
    boot: 1,
    software: 'experiment',
    ...clocks,
    messages,
    ...(options.onConsidered && { onConsidered: options.onConsidered }),
  }
  const devices = new Map<string, Device>()
  const agents = new Map<string, Agent>()
  const { attack } = options
  const badPeer = (vehicle: string): Pick<DeviceOptions, 'publishes'> =>
    attack?.attackers.includes(vehicle) ? { publishes: (agent) => attack.publishes(vehicle, { agent, agents }) } : {}
  let fail: (error: unknown) => void = () => {}
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  failure.catch(() => {}) // one that no run waits for
  for (const vehicle of learners) {
    const bus = broker.connect()
    const engine = options.createEngine(featureCount(setting), config.hidden, actionCount(setting))
    const store = options.store?.(vehicle)
    const io = createSimIo(bus, config.fleet, run, vehicle, fail)
    devices.set(
      vehicle,
      createDevice({ ...common, vehicle, bus, io, engine, ...(store && { store }), ...badPeer(vehicle) }),
    )
  }
  for (const [vehicle, { agent }] of devices) agents.set(vehicle, agent)
  const averaging = needsAggregator(config.method)
  if (averaging) {
    const scales = { preset: config.preset, loopLength: 1, speedLimit: 1, accelerationLimit: 1 }
    const { observationNames, actionNames } = createFeatures(setting, scales)
    const sizes = { observationSize: featureCount(setting), actionSize: actionCount(setting) }
    const architecture = { ...sizes, hidden: config.hidden }
    if (!options.attachAggregator) throw new Error(`method ${config.method} needs an aggregator, got none`)
    options.attachAggregator({
      bus: broker.connect(),
      run,
      identity,
      decode: messages.decode,
      kind: { architecture, observationNames, actionNames },
    })
  }
  const bridge = createBridge({
    world,
    bus: broker.connect(),
    fleet: config.fleet,
    run,
    seed: config.seed,
    epochs: config.epochs,
    network: config.network,
    preset: config.preset,
    sim: config.sim,
    setting,
    method: config.method,
    ...(averaging && { aggregator: aggregatorId }),
    now: () => 0,
    ...(options.onEvent && { onEvent: options.onEvent }),
    ...(options.resumed && { resumed: options.resumed }),
    ...(options.recorder && { recorder: options.recorder }),
  })
  return { devices, bridge, run: () => Promise.race([bridge.run(), failure]) }
}
