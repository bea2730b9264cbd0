import type { Config } from '../schemas/config.ts'
import type { Setting } from '../schemas/setting.ts'
import type { UpdateResult } from '../schemas/update.ts'
import type { Agent } from './agent.ts'
import type { Bus } from './bus/bus.ts'
import type { CheckpointStore } from './checkpoint.ts'
import type { Clock } from './clock.ts'
import type { Engine } from './core/engine.ts'
import type { Identity } from './identity.ts'
import type { VehicleIo } from './io.ts'
import type { OnConsidered } from './methods/method.ts'
import type { CommandOptions } from './orders.ts'
import type { SharedMessages } from './params-decoding.ts'

/** What a device is made of and what it is given of the world. */
export interface DeviceOptions {
  readonly config: Config
  readonly setting: Setting
  readonly vehicle: string
  readonly bus: Bus
  readonly io: VehicleIo
  readonly engine: Engine
  readonly identity: Identity
  /** Persisted counter of starts. */
  readonly boot: number
  readonly software: string
  readonly store?: CheckpointStore
  /** Monotonic milliseconds; no run depends on it. */
  readonly now: () => number
  /** ISO 8601; informative. */
  readonly wallClock: () => string
  /** Told at the end of a run; writes the policy file. */
  readonly onEnd?: (policy: Float32Array) => void
  /** Called between the steps of learning: where it gives a promise, learning waits for it. */
  readonly pause?: () => Promise<void> | undefined
  /** Shared by the devices of one process, which then need not decode each other's parameter messages. */
  readonly messages?: SharedMessages
  /**
   * What peers are sent in place of the agent's policy: a bad peer. For experiments only (sim-bridge/experiment): no key of the
   * configuration leads here and no command passes it, so that no configured device can be made to send something else.
   */
  readonly publishes?: (agent: Agent) => Promise<Float32Array>
  /** Told what the method made of each peer's policy. */
  readonly onConsidered?: OnConsidered
  /** How the process fares, for telemetry. */
  readonly vitals?: () => Vitals
  /** Whether the wall clock can be relied on; without it nobody knows. */
  readonly clock?: Clock
  /** What became of the last update of the system, where something installs them. */
  readonly lastUpdate?: () => UpdateResult | undefined
  /** Whose signed commands are obeyed; without it none are. */
  readonly commands?: CommandOptions
}

/** What a process knows of itself. */
export interface Vitals {
  /** Resident memory, MiB. */
  readonly memory?: number
  /** 99th percentile of the time from an observation's arrival to its action since this was last asked, ms. */
  readonly tickP99?: number
}
