import type { Bus } from '../../device/bus/bus.ts'
import { createLocalBroker } from '../../device/bus/local-bus.ts'
import type { CheckpointStore } from '../../device/checkpoint.ts'
import type { Clock } from '../../device/clock.ts'
import { createDevice, type Device } from '../../device/device.ts'
import type { DeviceOptions } from '../../device/device-options.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { policyHash } from '../../device/identity.ts'
import type { VehicleIo } from '../../device/io.ts'
import type { CommandOptions } from '../../device/orders.ts'
import { sealParams } from '../../device/params.ts'
import { createSimIo } from '../../device/sim-io.ts'
import type { Config } from '../../schemas/config.ts'
import type { Act } from '../../schemas/lock-step.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'
import type { Question } from '../../sim-bridge/lock-step.ts'
import { calm, createIdentities, createSmallAgent, practise, smallConfig, smallKind } from './devices.ts'

/** Everyone whose key the devices of a rig know. */
export const members = ['car01', 'car03', 'car10', 'B1', 'd1', 'd2', 'aggregator']

/** Devices on an in-process bus, a hand-driven bridge and a clock that the test advances. */
export interface Rig {
  readonly bus: Bus
  readonly devices: ReadonlyMap<string, Device>
  readonly clock: { ms: number }
  /** Everything on the channel `verdict`, `status`, `want` so far. */
  readonly verdicts: VerdictMessage[]
  readonly statuses: Status[]
  readonly wants: string[]
  /** Sends a question; a `seq` given sends that one. Answers are in `acts`. */
  ask(vehicle: string, question: Question, seq?: number): void
  readonly acts: readonly Act[]
  /** The last answer of a vehicle, of the kind asked for. */
  last<K extends Act['kind']>(kind: K): Extract<Act, { kind: K }> | undefined
  /** Publishes a policy as another member would; returns its hash. */
  offer(vehicle: string, policy: Float64Array | Float32Array, sequence?: number, via?: Bus): string
}

export const reset = {
  ...({ kind: 'reset', epoch: 1, step: 0, intervalSteps: 10, stepLength: 0.1 } as const),
  ...{ loopLength: 200, speedLimit: 30, accelerationLimit: 3 },
} as const
export const decide = { kind: 'decide', epoch: 1, step: 0, observation: calm } as const
/** `last` ends an epoch, after which everything is learned from. */
export const outcome = { reward: 0.25, steps: 10, terminated: false, truncated: false } as const
export const last = { ...outcome, truncated: true } as const

/** A learning step of an epoch, and a hash that nobody's policy has. */
export const at = { epoch: 1, step: 250 } as const
export const absent = '1'.repeat(64)

/** Three policies, each another than the initial one and the other two. */
export const peerPolicies = [3, 5, 7].map((count) => {
  const agent = createSmallAgent('car99')
  practise(agent, count, count)
  agent.learn()
  return agent.learner.policy
}) as [Float64Array, Float64Array, Float64Array]

/** Lets what waits for a resolved promise run. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export function policyOf(rig: Rig, vehicle: string): Float64Array {
  const device = rig.devices.get(vehicle)
  if (!device) throw new Error(`device must be one of the rig, got ${vehicle}`)
  return device.agent.learner.policy
}

/** What a device is given in place of its port. */
type Port = (io: VehicleIo) => VehicleIo
const same: Port = (io) => io

export function createRig(
  vehicles: readonly string[],
  more: Partial<Config> = {},
  given: {
    store?: CheckpointStore
    bus?: Bus
    bridge?: Bus
    pause?: () => Promise<void> | undefined
    commands?: CommandOptions
    clock?: Clock
    create?: (options: DeviceOptions) => Device
    port?: Port
  } = {},
): Rig {
  const config = { ...smallConfig, ...more }
  const { fleet, cell } = config
  const run = 'run1'
  const broker = createLocalBroker()
  const bus = given.bridge ?? broker.connect()
  const identityOf = createIdentities(members)
  const clock = { ms: 0 }
  const [acts, verdicts, statuses, wants]: [Act[], VerdictMessage[], Status[], string[]] = [[], [], [], []]
  if (!given.bridge) {
    bus.subscribe(channels.verdict, { fleet }, (verdict) => verdicts.push(verdict))
    bus.subscribe(channels.want, { fleet }, ({ peer, hash }, { vehicle }) =>
      wants.push(`${peer} wants ${hash.slice(0, 4)} of ${vehicle}`),
    )
  }
  bus.subscribe(channels.status, { fleet }, (status) => statuses.push(status))
  bus.subscribe(channels.act, { fleet, run }, (act) => acts.push(act))
  const devices = new Map(
    vehicles.map((vehicle) => {
      const own = given.bus ?? broker.connect()
      const device = (given.create ?? createDevice)({
        ...{ config, vehicle, boot: 1, software: 'test', setting: settingOf(config), bus: own },
        io: (given.port ?? same)(createSimIo(own, fleet, run, vehicle)),
        engine: createReferenceEngine(smallKind.architecture),
        identity: identityOf(vehicle),
        now: () => clock.ms,
        wallClock: () => '',
        ...(given.store && { store: given.store }),
        ...(given.pause && { pause: given.pause }),
        ...(given.commands && { commands: given.commands }),
        ...(given.clock && { clock: given.clock }),
      })
      return [vehicle, device]
    }),
  )
  const seqs = new Map<string, number>()
  return {
    ...{ bus, devices, clock, acts, verdicts, statuses, wants },
    ask(vehicle, question, seq = (seqs.get(vehicle) ?? 0) + 1) {
      seqs.set(vehicle, Math.max(seq, seqs.get(vehicle) ?? 0))
      bus.publish(channels.obs, { fleet, run, vehicle }, { version: 1, run, seq, ...question })
    },
    last<K extends Act['kind']>(kind: K) {
      return acts.findLast((act): act is Extract<Act, { kind: K }> => act.kind === kind)
    },
    offer(vehicle, policy, sequence = 1, via = bus) {
      const header = { ...{ fleet, vehicle, boot: 1, sequence, updates: 1, time: '', cell } }
      const bytes = sealParams(policy, header, smallKind, identityOf(vehicle))
      if (vehicle === 'aggregator') via.publish(channels.aggregate, { fleet }, bytes)
      else via.publish(channels.params, { fleet, cell, vehicle }, bytes)
      return policyHash(policy)
    },
  }
}
